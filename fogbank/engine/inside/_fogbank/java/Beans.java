package fogbank;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A function's own classes: setters or fields take members by their names whatever the case ("Records" is setRecords,
 * "eventSourceARN" is setEventSourceArn), getters give them; a record takes them in its constructor.
 */
final class Beans {
    private Beans() {}

    /** An empty instance; without a constructor that takes nothing, one that no constructor has seen. */
    static Object make(Class<?> type) {
        try {
            Constructor<?> made = type.getDeclaredConstructor();
            made.setAccessible(true);
            return made.newInstance();
        } catch (InvocationTargetException thrown) {
            throw new Json.Unfit("The constructor of " + type.getName() + " failed", thrown.getCause());
        } catch (ReflectiveOperationException | RuntimeException none) {
            return allocate(type);
        }
    }

    private static Object allocate(Class<?> type) {
        try {
            Class<?> unsafe = Class.forName("sun.misc.Unsafe");
            Field instance = unsafe.getDeclaredField("theUnsafe");
            instance.setAccessible(true);
            return unsafe.getMethod("allocateInstance", Class.class).invoke(instance.get(null), type);
        } catch (ReflectiveOperationException | RuntimeException refused) {
            throw new Json.Unfit("Cannot make a " + type.getName() + ": it has no constructor without parameters");
        }
    }

    static Object read(Map<?, ?> members, Class<?> type) {
        Map<String, Object> byName = new HashMap<>();
        for (Map.Entry<?, ?> member : members.entrySet()) byName.put(plain(member.getKey().toString()), member.getValue());
        if (type.getSuperclass() != null && type.getSuperclass().getName().equals("java.lang.Record")) {
            return readRecord(byName, type);
        }
        Object made = make(type);
        for (Method setter : type.getMethods()) {
            String name = setter.getName();
            boolean sets = name.startsWith("set") && name.length() > 3 && setter.getParameterCount() == 1;
            if (!sets || setter.isBridge() || Modifier.isStatic(setter.getModifiers())) continue;
            String member = plain(name.substring(3));
            if (!byName.containsKey(member)) continue;
            set(setter, made, byName.remove(member));
        }
        for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
            for (Field field : at.getDeclaredFields()) {
                if (Modifier.isStatic(field.getModifiers()) || !byName.containsKey(plain(field.getName()))) continue;
                set(field, made, byName.get(plain(field.getName())));
            }
        }
        return made;
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
    }

    private static void set(Method setter, Object target, Object value) {
        try {
            setter.setAccessible(true);
            setter.invoke(target, Json.convert(value, setter.getGenericParameterTypes()[0]));
        } catch (InvocationTargetException thrown) {
            throw new Json.Unfit(setter.getName() + " failed", thrown.getCause());
        } catch (ReflectiveOperationException refused) {
            throw new Json.Unfit(setter.getName() + " cannot be called", refused);
        }
    }

    private static void set(Field field, Object target, Object value) {
        try {
            field.setAccessible(true);
            field.set(target, Json.convert(value, field.getGenericType()));
        } catch (ReflectiveOperationException refused) {
            throw new Json.Unfit(field.getName() + " cannot be set", refused);
        }
    }

    private static Object readRecord(Map<String, Object> byName, Class<?> type) {
        List<Class<?>> types = new ArrayList<>();
        List<Object> values = new ArrayList<>();
        for (Field field : type.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers())) continue;
            types.add(field.getType());
            Type generic = field.getGenericType();
            values.add(Json.convert(byName.get(plain(field.getName())), generic));
        }
        try {
            Constructor<?> made = type.getDeclaredConstructor(types.toArray(new Class<?>[0]));
            made.setAccessible(true);
            return made.newInstance(values.toArray());
        } catch (InvocationTargetException thrown) {
            throw new Json.Unfit("The constructor of " + type.getName() + " failed", thrown.getCause());
        } catch (ReflectiveOperationException refused) {
            throw new Json.Unfit("Cannot make a " + type.getName(), refused);
        }
    }

    /** What getters and public fields give, those that are null left out, as Lambda does. */
    static Map<String, Object> members(Object bean) {
        Map<String, Object> members = new LinkedHashMap<>();
        Class<?> type = bean.getClass();
        boolean isRecord = type.getSuperclass() != null && type.getSuperclass().getName().equals("java.lang.Record");
        try {
            if (isRecord) {
                for (Field field : type.getDeclaredFields()) {
                    if (!Modifier.isStatic(field.getModifiers())) put(members, field.getName(), get(field, bean));
                }
                return members;
            }
            for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
                for (Field field : at.getDeclaredFields()) { // in the order in which they are written
                    Method getter = getter(type, field);
                    if (Modifier.isStatic(field.getModifiers())) continue;
                    if (getter != null) put(members, field.getName(), getter.invoke(bean));
                    else if (Modifier.isPublic(field.getModifiers())) put(members, field.getName(), get(field, bean));
                }
            }
            for (Method getter : type.getMethods()) {
                String name = property(getter);
                if (name != null && !members.containsKey(name)) {
                    getter.setAccessible(true);
                    put(members, name, getter.invoke(bean));
                }
            }
            return members;
        } catch (InvocationTargetException thrown) {
            throw new Json.Unfit("A getter of " + type.getName() + " failed", thrown.getCause());
        } catch (ReflectiveOperationException refused) {
            throw new Json.Unfit("Cannot read a " + type.getName(), refused);
        }
    }

    private static void put(Map<String, Object> members, String name, Object value) {
        if (value != null) members.put(name, value);
    }

    private static Object get(Field field, Object bean) throws ReflectiveOperationException {
        field.setAccessible(true);
        return field.get(bean);
    }

    private static Method getter(Class<?> type, Field field) {
        for (Method method : type.getMethods()) {
            if (field.getName().equals(property(method))) {
                method.setAccessible(true);
                return method;
            }
        }
        return null;
    }

    /** The property that a method gives: getName is name, isOpen is open. */
    private static String property(Method method) {
        String name = method.getName();
        boolean own = method.getDeclaringClass() != Object.class && !Modifier.isStatic(method.getModifiers());
        if (!own || method.getParameterCount() > 0 || method.getReturnType() == void.class || method.isBridge()) return null;
        boolean truth = method.getReturnType() == boolean.class || method.getReturnType() == Boolean.class;
        int prefix = name.startsWith("get") ? 3 : name.startsWith("is") && truth ? 2 : 0;
        if (prefix == 0 || name.length() == prefix) return null;
        return Character.toLowerCase(name.charAt(prefix)) + name.substring(prefix + 1);
    }
}
