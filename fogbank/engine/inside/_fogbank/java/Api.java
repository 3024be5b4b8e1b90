package fogbank;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** The Runtime API as a runtime sees it: one kept connection, one write for a request. */
final class Api {
    private static final String VERSION = "/2018-06-01/runtime";
    private final String address;
    private final InputStream input;
    private final OutputStream output;
    private boolean asked;

    Api(String address) throws IOException {
        this.address = address;
        String[] parts = address.split(":");
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(parts[0], Integer.parseInt(parts[1])));
        socket.setTcpNoDelay(true);
        input = new BufferedInputStream(socket.getInputStream(), 65536);
        output = socket.getOutputStream();
    }

    static final class Event {
        final Map<String, String> headers;
        final byte[] body;

        Event(Map<String, String> headers, byte[] body) {
            this.headers = headers;
            this.body = body;
        }

        String header(String name) {
            return headers.get(name);
        }
    }

    /** Waits for the next invocation. */
    Event next() throws IOException {
        if (!asked) output.write(ask());
        asked = false;
        return answer();
    }

    void respond(String path, byte[] body) throws IOException {
        post(path, body, "application/json", "", true);
    }

    void fail(String path, byte[] document, Throwable error, boolean again) throws IOException {
        String type = "Lambda-Runtime-Function-Error-Type: " + printable(Errors.type(error)) + "\r\n";
        post(path, document, "application/json", type, again);
    }

    /** With `again` the next event is asked for in the same write: the answer to a response needs no reply. */
    private void post(String path, byte[] body, String contentType, String headers, boolean again) throws IOException {
        ByteArrayOutputStream request = new ByteArrayOutputStream(body.length + 512);
        request.write(head("POST", path + " ").getBytes(StandardCharsets.ISO_8859_1));
        String more = "Content-Type: " + contentType + "\r\n" + headers + "Content-Length: " + body.length + "\r\n\r\n";
        request.write(more.getBytes(StandardCharsets.ISO_8859_1));
        request.write(body);
        if (again) request.write(ask());
        asked = again;
        output.write(request.toByteArray());
        answer();
    }

    private byte[] ask() {
        return (head("GET", "/invocation/next ") + "\r\n").getBytes(StandardCharsets.ISO_8859_1);
    }

    private String head(String method, String path) {
        return method + " " + VERSION + path + "HTTP/1.1\r\nHost: " + address + "\r\n";
    }

    private Event answer() throws IOException {
        Map<String, String> headers = new HashMap<>();
        try {
            line();
            for (String line = line(); !line.isEmpty(); line = line()) {
                int colon = line.indexOf(':');
                headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
            }
            byte[] body = new byte[Integer.parseInt(headers.getOrDefault("content-length", "0"))];
            for (int filled = 0; filled < body.length; ) {
                int count = input.read(body, filled, body.length - filled);
                if (count < 0) throw new EOFException();
                filled += count;
            }
            return new Event(headers, body);
        } catch (EOFException ended) {
            System.exit(0); // the platform is gone, and this sandbox with it
            throw ended;
        }
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(128);
        for (int next = input.read(); next != '\n'; next = input.read()) {
            if (next < 0) throw new EOFException();
            if (next != '\r') line.write(next);
        }
        return line.toString("ISO-8859-1");
    }

    private static String printable(String text) {
        return text.replaceAll("[^ -~]", "?");
    }
}
