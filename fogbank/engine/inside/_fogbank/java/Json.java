package fogbank;

import java.lang.reflect.Array;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** JSON text to and from Java values: maps, lists and the simple types here, a function's own classes in Beans. */
final class Json {
    private static final int MAX_DEPTH = 512;

    private Json() {}

    static final class Unfit extends RuntimeException {
        Unfit(String message) {
            super(message);
        }

        Unfit(String message, Throwable cause) {
            super(message, cause);
        }
    }

    static Object parse(String text) {
        Reader reader = new Reader(text);
        Object value = reader.value(0);
        reader.space();
        if (reader.place < text.length()) throw reader.wrong();
        return value;
    }

    private static final class Reader {
        final String text;
        int place;

        Reader(String text) {
            this.text = text;
        }

        Unfit wrong() {
            return new Unfit("JSON text is malformed at character " + place);
        }

        void space() {
            while (place < text.length() && " \t\r\n".indexOf(text.charAt(place)) >= 0) place++;
        }

        boolean take(char wanted) {
            space();
            if (place >= text.length() || text.charAt(place) != wanted) return false;
            place++;
            return true;
        }

        void need(char wanted) {
            if (!take(wanted)) throw wrong();
        }

        Object value(int depth) {
            if (depth > MAX_DEPTH) throw new Unfit("JSON text is nested too deeply");
            space();
            if (place >= text.length()) throw wrong();
            char first = text.charAt(place);
            if (first == '{') return object(depth);
            if (first == '[') return list(depth);
            if (first == '"') return string();
            if (word("true")) return true;
            if (word("false")) return false;
            if (word("null")) return null;
            return number();
        }

        boolean word(String word) {
            if (!text.startsWith(word, place)) return false;
            place += word.length();
            return true;
        }

        Map<String, Object> object(int depth) {
            Map<String, Object> members = new LinkedHashMap<>();
            need('{');
            if (take('}')) return members;
            do {
                space();
                String name = string();
                need(':');
                members.put(name, value(depth + 1));
            } while (take(','));
            need('}');
            return members;
        }

        List<Object> list(int depth) {
            List<Object> values = new ArrayList<>();
            need('[');
            if (take(']')) return values;
            do values.add(value(depth + 1));
            while (take(','));
            need(']');
            return values;
        }

        String string() {
            need('"');
            StringBuilder made = new StringBuilder();
            while (place < text.length()) {
                char next = text.charAt(place++);
                if (next == '"') return made.toString();
                if (next != '\\') {
                    made.append(next);
                    continue;
                }
                if (place >= text.length()) break;
                char escaped = text.charAt(place++);
                int known = "\"\\/bfnrt".indexOf(escaped);
                if (known >= 0) made.append("\"\\/\b\f\n\r\t".charAt(known));
                else if (escaped == 'u' && place + 4 <= text.length()) {
                    made.append((char) Integer.parseInt(text.substring(place, place + 4), 16));
                    place += 4;
                } else throw wrong();
            }
            throw wrong();
        }

        Number number() {
            int start = place;
            while (place < text.length() && "+-0123456789.eE".indexOf(text.charAt(place)) >= 0) place++;
            String digits = text.substring(start, place);
            try {
                BigDecimal exact = new BigDecimal(digits);
                if (digits.matches("-?[0-9]+")) {
                    BigInteger whole = exact.toBigInteger();
                    if (whole.bitLength() < 32) return whole.intValue();
                    return whole.bitLength() < 64 ? (Number) whole.longValue() : whole;
                }
                return exact.doubleValue();
            } catch (NumberFormatException refused) {
                throw wrong();
            }
        }
    }

    static Class<?> raw(Type type) {
        if (type instanceof Class) return (Class<?>) type;
        if (type instanceof ParameterizedType) return (Class<?>) ((ParameterizedType) type).getRawType();
        if (type instanceof WildcardType) return raw(((WildcardType) type).getUpperBounds()[0]);
        return Object.class;
    }

    /** A parsed value as the type that the function asks for. */
    static Object convert(Object value, Type type) {
        Class<?> raw = raw(type);
        if (raw == Object.class) return value;
        if (raw == Optional.class) return Optional.ofNullable(value == null ? null : convert(value, argument(type, 0)));
        if (value == null) {
            if (raw.isPrimitive()) return convert(raw == boolean.class ? (Object) false : 0, raw);
            return null;
        }
        if (value instanceof Map) return fromMap((Map<?, ?>) value, type, raw);
        if (value instanceof List) return fromList((List<?>) value, type, raw);
        Object simple = Simple.convert(value, raw);
        if (simple == null) throw unfit(value, raw);
        return simple;
    }

    private static Unfit unfit(Object value, Class<?> raw) {
        return new Unfit("Cannot make a " + raw.getName() + " of " + value.getClass().getSimpleName());
    }

    private static Object fromMap(Map<?, ?> value, Type type, Class<?> raw) {
        if (!raw.isAssignableFrom(LinkedHashMap.class)) {
            if (Map.class.isAssignableFrom(raw)) return fill(Beans.make(raw), value, type);
            boolean own = !raw.isPrimitive() && !raw.isArray() && !raw.isEnum() && !raw.getName().startsWith("java.");
            if (!own) throw unfit(value, raw);
            return Beans.read(value, raw);
        }
        return fill(new LinkedHashMap<Object, Object>(), value, type);
    }

    @SuppressWarnings("unchecked")
    private static Object fill(Object target, Map<?, ?> value, Type type) {
        Map<Object, Object> made = (Map<Object, Object>) target;
        for (Map.Entry<?, ?> entry : value.entrySet()) {
            made.put(convert(entry.getKey(), argument(type, 0)), convert(entry.getValue(), argument(type, 1)));
        }
        return made;
    }

    @SuppressWarnings("unchecked")
    private static Object fromList(List<?> value, Type type, Class<?> raw) {
        if (raw.isArray()) {
            Object made = Array.newInstance(raw.getComponentType(), value.size());
            for (int place = 0; place < value.size(); place++) {
                Array.set(made, place, convert(value.get(place), raw.getComponentType()));
            }
            return made;
        }
        Collection<Object> made;
        if (raw.isAssignableFrom(ArrayList.class)) made = new ArrayList<>();
        else if (raw.isAssignableFrom(LinkedHashSet.class)) made = new LinkedHashSet<>();
        else if (Collection.class.isAssignableFrom(raw)) made = (Collection<Object>) Beans.make(raw);
        else throw unfit(value, raw);
        for (Object item : value) made.add(convert(item, argument(type, 0)));
        return made;
    }

    private static Type argument(Type type, int place) {
        if (!(type instanceof ParameterizedType)) return Object.class;
        Type[] values = ((ParameterizedType) type).getActualTypeArguments();
        return place < values.length ? values[place] : Object.class;
    }

    static String write(Object value) {
        StringBuilder made = new StringBuilder();
        write(value, made, 0);
        return made.toString();
    }

    private static void write(Object value, StringBuilder made, int depth) {
        if (depth > MAX_DEPTH) throw new Unfit("The response is nested too deeply, or refers to itself");
        if (value instanceof Optional) value = ((Optional<?>) value).orElse(null);
        if (value == null || value instanceof Boolean) made.append(value);
        else if (value instanceof Number) number((Number) value, made);
        else if (value instanceof CharSequence || value instanceof Character || value instanceof Enum) {
            string(value instanceof Enum ? ((Enum<?>) value).name() : value.toString(), made);
        } else if (value instanceof Date) made.append(((Date) value).getTime());
        else if (value instanceof byte[]) string(Base64.getEncoder().encodeToString((byte[]) value), made);
        else if (value instanceof ByteBuffer) {
            ByteBuffer copy = ((ByteBuffer) value).duplicate();
            byte[] bytes = new byte[copy.remaining()];
            copy.get(bytes);
            string(Base64.getEncoder().encodeToString(bytes), made);
        } else if (value instanceof Map) members((Map<?, ?>) value, made, depth);
        else if (value instanceof Iterable) items((Iterable<?>) value, made, depth);
        else if (value.getClass().isArray()) {
            List<Object> copied = new ArrayList<>();
            for (int place = 0; place < Array.getLength(value); place++) copied.add(Array.get(value, place));
            items(copied, made, depth);
        } else if (Simple.isText(value.getClass())) string(value.toString(), made);
        else members(Beans.members(value), made, depth);
    }

    private static void number(Number value, StringBuilder made) {
        double plain = value.doubleValue();
        if (value instanceof Float || value instanceof Double) {
            if (Double.isNaN(plain) || Double.isInfinite(plain)) {
                string(value.toString(), made);
                return;
            }
        }
        made.append(value);
    }

    private static void members(Map<?, ?> members, StringBuilder made, int depth) {
        made.append('{');
        boolean first = true;
        for (Map.Entry<?, ?> entry : members.entrySet()) {
            if (!first) made.append(',');
            first = false;
            string(String.valueOf(entry.getKey()), made);
            made.append(':');
            write(entry.getValue(), made, depth + 1);
        }
        made.append('}');
    }

    private static void items(Iterable<?> items, StringBuilder made, int depth) {
        made.append('[');
        boolean first = true;
        for (Object item : items) {
            if (!first) made.append(',');
            first = false;
            write(item, made, depth + 1);
        }
        made.append(']');
    }

    private static void string(String text, StringBuilder made) {
        made.append('"');
        for (int place = 0; place < text.length(); place++) {
            char next = text.charAt(place);
            int known = "\"\\\b\f\n\r\t".indexOf(next);
            if (known >= 0) made.append('\\').append("\"\\bfnrt".charAt(known));
            else if (next < ' ' || Character.isSurrogate(next) && !paired(text, place)) {
                made.append(String.format("\\u%04x", (int) next));
            } else made.append(next);
        }
        made.append('"');
    }

    private static boolean paired(String text, int place) {
        char next = text.charAt(place);
        if (Character.isHighSurrogate(next)) {
            return place + 1 < text.length() && Character.isLowSurrogate(text.charAt(place + 1));
        }
        return place > 0 && Character.isHighSurrogate(text.charAt(place - 1));
    }

}
