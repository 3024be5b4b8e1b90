package fogbank;

import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How a Throwable becomes an error document: message, class, frames, and the same of its cause. */
final class Errors {
    private static final int DEPTH = 16;

    private Errors() {}

    /** What the function threw, without the wrapping of reflection. */
    static Throwable cause(Throwable error) {
        while (error instanceof InvocationTargetException && error.getCause() != null) error = error.getCause();
        return error;
    }

    static byte[] document(Throwable error) {
        return Main.utf8(Json.write(members(error, DEPTH)));
    }

    /** What the platform is told beside the document. */
    static String type(Throwable error) {
        return error instanceof Fault ? "Runtime.BadFunctionCode" : error.getClass().getName();
    }

    private static Map<String, Object> members(Throwable error, int depth) {
        Map<String, Object> members = new LinkedHashMap<>();
        if (error.getMessage() != null) members.put("errorMessage", error.getMessage());
        if (error instanceof Fault) return members;
        members.put("errorType", error.getClass().getName());
        List<String> frames = new ArrayList<>();
        for (StackTraceElement frame : error.getStackTrace()) {
            // From here downwards the frames are the runtime's own.
            if (frame.getClassName().startsWith("fogbank.")) break;
            frames.add(frame.toString());
        }
        while (!frames.isEmpty() && frames.get(frames.size() - 1).contains("reflect.")) frames.remove(frames.size() - 1);
        members.put("stackTrace", frames);
        if (error.getCause() != null && depth > 0) members.put("cause", members(error.getCause(), depth - 1));
        return members;
    }

    /** An error that the runtime itself names: it has no trace that would say anything of the function. */
    static final class Fault extends RuntimeException {
        Fault(String message) {
            super(message);
        }
    }
}
