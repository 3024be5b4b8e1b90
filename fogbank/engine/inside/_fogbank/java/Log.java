package fogbank;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;

/** Where the logger writes: frames on the telemetry descriptor, so that a message of several lines stays one. */
final class Log {
    private static final int FRAME = 0xa55a0003;
    private static final OutputStream FRAMES = frames();

    private Log() {}

    static synchronized void write(byte[] message) {
        try {
            if (FRAMES == null) {
                System.out.write(message);
                System.out.flush();
                return;
            }
            ByteBuffer frame = ByteBuffer.allocate(16 + message.length);
            frame.putInt(FRAME).putInt(message.length).putLong(System.currentTimeMillis() * 1000).put(message);
            FRAMES.write(frame.array());
        } catch (IOException ignored) {
            // nobody listens any more
        }
    }

    static void error(Throwable error) {
        StringWriter text = new StringWriter();
        error.printStackTrace(new PrintWriter(text));
        write(Main.utf8(text.toString().replace("\t", "    ")));
    }

    private static OutputStream frames() {
        String number = System.getenv("_LAMBDA_TELEMETRY_LOG_FD");
        if (number == null) return null;
        try {
            FileDescriptor descriptor = new FileDescriptor();
            Field field = FileDescriptor.class.getDeclaredField("fd");
            field.setAccessible(true);
            field.setInt(descriptor, Integer.parseInt(number));
            return new FileOutputStream(descriptor);
        } catch (ReflectiveOperationException | RuntimeException refused) {
            return null;
        }
    }
}
