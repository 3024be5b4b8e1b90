package fogbank;

import java.lang.reflect.InvocationTargetException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Date;

/** Strings, numbers and truth values as the simple types of Java, and as classes that are made from a text. */
final class Simple {
    private Simple() {}

    /** Null where the type cannot be had from the value. */
    static Object convert(Object value, Class<?> type) {
        if (type.isInstance(value)) return value;
        if (value instanceof Number) return fromNumber(new BigDecimal(value.toString()), value, type);
        if (value instanceof Boolean) {
            if (type == boolean.class) return value;
            return type == String.class ? value.toString() : null;
        }
        return fromText((String) value, type);
    }

    private static Object fromNumber(BigDecimal exact, Object value, Class<?> type) {
        if (type == int.class || type == Integer.class) return exact.intValue();
        if (type == long.class || type == Long.class) return exact.longValue();
        if (type == double.class || type == Double.class) return exact.doubleValue();
        if (type == float.class || type == Float.class) return exact.floatValue();
        if (type == short.class || type == Short.class) return exact.shortValue();
        if (type == byte.class || type == Byte.class) return exact.byteValue();
        if (type == BigDecimal.class) return exact;
        if (type == BigInteger.class) return exact.toBigInteger();
        if (type == String.class) return value.toString();
        // AWS's events have seconds where a fraction follows, else milliseconds.
        if (type == Date.class) return new Date((value instanceof Double ? exact.movePointRight(3) : exact).longValue());
        return null;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object fromText(String text, Class<?> type) {
        if (type.isAssignableFrom(String.class)) return text;
        if (type == char.class || type == Character.class) return text.length() == 1 ? text.charAt(0) : null;
        if (type.isEnum()) return Enum.valueOf((Class<? extends Enum>) type, text);
        if (type == byte[].class) return Base64.getDecoder().decode(text);
        if (type == ByteBuffer.class) return ByteBuffer.wrap(Base64.getDecoder().decode(text));
        if (type == Date.class) return Date.from(java.time.OffsetDateTime.parse(text).toInstant());
        if (type == boolean.class || type == Boolean.class) return Boolean.valueOf(text);
        if (type.isPrimitive() || Number.class.isAssignableFrom(type) && type.getName().startsWith("java.")) {
            return fromNumber(new BigDecimal(text), text, type);
        }
        return made(text, type);
    }

    /** `Instant.parse`, `UUID.fromString`, `DateTime.parse`, or a constructor that takes the text. */
    private static Object made(String text, Class<?> type) {
        try {
            for (String name : new String[] {"parse", "fromString", "valueOf"}) {
                for (Class<?> parameter : new Class<?>[] {String.class, CharSequence.class}) {
                    try {
                        return type.getMethod(name, parameter).invoke(null, text);
                    } catch (NoSuchMethodException | NullPointerException next) {
                        // another name may be there
                    }
                }
            }
            return type.getConstructor(String.class).newInstance(text);
        } catch (InvocationTargetException refused) {
            throw new Json.Unfit("Cannot make a " + type.getName() + " of a text", refused.getCause());
        } catch (ReflectiveOperationException none) {
            return null;
        }
    }

    /** Whether a value is shown by its text: a time, an address, an identifier. */
    static boolean isText(Class<?> type) {
        String name = type.getName();
        return name.startsWith("java.time.") || name.startsWith("java.net.") || name.equals("java.util.UUID")
            || name.equals("org.joda.time.DateTime") || type == Class.class;
    }
}
