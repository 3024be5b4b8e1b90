package fogbank;

import java.nio.charset.StandardCharsets;

/** The Java runtime: loads the handler, then answers invocation after invocation. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Api api = new Api(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        Handler handler;
        try {
            handler = Handler.load(System.getenv("_HANDLER"));
        } catch (Throwable error) {
            Throwable told = Errors.cause(error);
            Log.error(told);
            api.fail("/init/error", Errors.document(told), told, false);
            System.exit(1);
            return;
        }
        Thread.currentThread().setContextClassLoader(handler.loader());
        while (true) serve(api, handler);
    }

    private static void serve(Api api, Handler handler) throws Exception {
        Api.Event event = api.next();
        String path = "/invocation/" + event.header("lambda-runtime-aws-request-id");
        String trace = event.header("lambda-runtime-trace-id");
        // A process cannot change its environment in Java: Lambda's own runtime, and the SDKs, use this property.
        if (trace == null) System.clearProperty("com.amazonaws.xray.traceHeader");
        else System.setProperty("com.amazonaws.xray.traceHeader", trace);
        byte[] answer;
        try {
            answer = handler.call(event.body, event);
        } catch (Throwable error) {
            Throwable told = Errors.cause(error);
            System.out.flush();
            Log.error(told);
            // After an Error (no memory, no stack) the process is not to be trusted: Lambda ends it too.
            boolean fatal = told instanceof VirtualMachineError;
            api.fail(path + "/error", Errors.document(told), told, !fatal);
            if (fatal) System.exit(1);
            return;
        }
        System.out.flush();
        api.respond(path + "/response", answer);
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
