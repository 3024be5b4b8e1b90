package fogbank;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A function's handler: `package.Class` with one of Lambda's interfaces, or `package.Class::method`. */
final class Handler {
    private static final String CONTEXT = "com.amazonaws.services.lambda.runtime.Context";
    private static final String REQUEST_HANDLER = "com.amazonaws.services.lambda.runtime.RequestHandler";
    private static final String STREAM_HANDLER = "com.amazonaws.services.lambda.runtime.RequestStreamHandler";
    private final Object target;
    private final Method method;
    private final Type[] parameters;

    private Handler(Object target, Method method, Type[] parameters) {
        this.target = target;
        this.method = method;
        this.parameters = parameters;
        method.setAccessible(true);
    }

    ClassLoader loader() {
        return method.getDeclaringClass().getClassLoader();
    }

    static Handler load(String name) throws Exception {
        String[] parts = name.split("::", 2);
        URLClassLoader loader = new URLClassLoader(path(), Main.class.getClassLoader());
        Thread.currentThread().setContextClassLoader(loader);
        Class<?> type;
        try {
            type = Class.forName(parts[0], true, loader);
        } catch (ClassNotFoundException missing) {
            throw new ClassNotFoundException("Class not found: " + parts[0]);
        }
        Method method = parts.length == 2 && !parts[1].isEmpty() ? named(type, parts[1]) : byInterface(type);
        Object target = Modifier.isStatic(method.getModifiers()) ? null : instance(type);
        return new Handler(target, method, resolved(type, method));
    }

    /** The function's classes and jars, then those of the layers. */
    private static URL[] path() throws Exception {
        List<URL> urls = new ArrayList<>();
        urls.add(new File("/var/task/").toURI().toURL());
        for (String folder : new String[] {"/var/task/lib", "/opt/java/lib"}) {
            File[] jars = new File(folder).listFiles((place, file) -> file.endsWith(".jar"));
            if (jars == null) continue;
            Arrays.sort(jars);
            for (File jar : jars) urls.add(jar.toURI().toURL());
        }
        return urls.toArray(new URL[0]);
    }

    private static Object instance(Class<?> type) throws Exception {
        try {
            Constructor<?> made = type.getDeclaredConstructor();
            made.setAccessible(true);
            return made.newInstance();
        } catch (NoSuchMethodException missing) {
            throw new Errors.Fault("Class " + type.getName() + " has no public zero-argument constructor");
        }
    }

    private static Method byInterface(Class<?> type) {
        if (implementing(type, STREAM_HANDLER) || implementing(type, REQUEST_HANDLER)) {
            return named(type, "handleRequest");
        }
        throw new Errors.Fault("Class " + type.getName() + " does not implement an appropriate handler interface");
    }

    private static boolean implementing(Class<?> type, String name) {
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            for (Class<?> face : at.getInterfaces()) if (face.getName().equals(name) || implementing(face, name)) return true;
        }
        return false;
    }

    /** The method of that name with the most parameters that Lambda can give: streams, or an event, then a context. */
    private static Method named(Class<?> type, String name) {
        Method best = null;
        for (Method method : type.getMethods()) {
            if (!method.getName().equals(name) || method.isBridge() || method.isSynthetic()) continue;
            Class<?>[] given = method.getParameterTypes();
            boolean last = given.length > 0 && isContext(given[given.length - 1]);
            int events = given.length - (last ? 1 : 0);
            boolean streams = events == 2 && given[0] == InputStream.class && given[1] == OutputStream.class;
            if (events > 1 && !streams) continue;
            if (best == null || given.length > best.getParameterCount()) best = method;
        }
        if (best == null) {
            throw new Errors.Fault(
                "No public method named " + name + " with appropriate method signature found on class " + type.getName());
        }
        return best;
    }

    private static boolean isContext(Class<?> type) {
        return type.getName().equals(CONTEXT);
    }

    /** The parameters' types with the class's own type arguments put in: RequestHandler<Map<String, String>, Order>. */
    private static Type[] resolved(Class<?> type, Method method) {
        Map<TypeVariable<?>, Type> known = new HashMap<>();
        collect(type, known);
        Type[] types = method.getGenericParameterTypes();
        for (int place = 0; place < types.length; place++) {
            for (int depth = 0; depth < 16 && known.containsKey(types[place]); depth++) types[place] = known.get(types[place]);
            if (types[place] instanceof TypeVariable) types[place] = Object.class;
        }
        return types;
    }

    private static void collect(Class<?> type, Map<TypeVariable<?>, Type> known) {
        if (type == null) return;
        List<Type> parents = new ArrayList<>(Arrays.asList(type.getGenericInterfaces()));
        if (type.getGenericSuperclass() != null) parents.add(type.getGenericSuperclass());
        for (Type parent : parents) {
            Class<?> raw = Json.raw(parent);
            if (parent instanceof ParameterizedType) {
                Type[] values = ((ParameterizedType) parent).getActualTypeArguments();
                for (int place = 0; place < values.length; place++) known.put(raw.getTypeParameters()[place], values[place]);
            }
            collect(raw, known);
        }
    }

    /** The answer as JSON, or what the function wrote to its stream. */
    byte[] call(byte[] event, Api.Event invocation) throws Throwable {
        Object[] values = new Object[parameters.length];
        ByteArrayOutputStream output = null;
        for (int place = 0; place < values.length; place++) {
            Class<?> raw = Json.raw(parameters[place]);
            if (isContext(raw)) values[place] = Contexts.context(raw, invocation);
            else if (raw == InputStream.class) values[place] = new ByteArrayInputStream(event);
            else if (raw == OutputStream.class) values[place] = output = new ByteArrayOutputStream();
            else values[place] = eventAs(event, parameters[place]);
        }
        Object answer = method.invoke(target, values);
        if (output != null) return output.toByteArray();
        if (method.getReturnType() == void.class) return Main.utf8("null");
        return Main.utf8(Json.write(answer));
    }

    private static Object eventAs(byte[] event, Type type) {
        try {
            return Json.convert(Json.parse(new String(event, StandardCharsets.UTF_8)), type);
        } catch (RuntimeException refused) {
            throw new RuntimeException("An error occurred during JSON parsing", refused);
        }
    }
}
