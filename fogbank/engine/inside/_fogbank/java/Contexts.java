package fogbank;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;

/**
 * The Context of an invocation and what hangs on it. The interfaces are the function's own (aws-lambda-java-core is in
 * its package), so they are implemented by their methods' names.
 */
final class Contexts {
    private Contexts() {}

    static Object context(Class<?> type, Api.Event event) {
        long deadline = Long.parseLong(event.headers.getOrDefault("lambda-runtime-deadline-ms", "0"));
        return proxy(type, (method, values) -> {
            switch (method.getName()) {
                case "getAwsRequestId": return event.header("lambda-runtime-aws-request-id");
                case "getLogGroupName": return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
                case "getLogStreamName": return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
                case "getFunctionName": return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
                case "getFunctionVersion": return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
                case "getInvokedFunctionArn": return event.header("lambda-runtime-invoked-function-arn");
                case "getMemoryLimitInMB": return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
                case "getRemainingTimeInMillis": return (int) Math.max(0, deadline - System.currentTimeMillis());
                case "getTenantId": return event.header("lambda-runtime-aws-tenant-id");
                case "getXrayTraceId": return event.header("lambda-runtime-trace-id");
                case "getIdentity": return identity(method.getReturnType(), event);
                case "getClientContext": return client(method.getReturnType(), event);
                case "getLogger": return logger(method.getReturnType());
                default: return null;
            }
        });
    }

    private static Object logger(Class<?> type) {
        return proxy(type, (method, values) -> {
            if (method.getName().equals("log") && values.length > 0) {
                Object message = values[0];
                Log.write(message instanceof byte[] ? (byte[]) message : Main.utf8(String.valueOf(message)));
            }
            return null;
        });
    }

    private static Object identity(Class<?> type, Api.Event event) {
        Map<?, ?> members = parse(event.header("lambda-runtime-cognito-identity"));
        return proxy(type, (method, values) -> {
            switch (method.getName()) {
                case "getIdentityId": return members == null ? "" : members.get("cognitoIdentityId");
                case "getIdentityPoolId": return members == null ? "" : members.get("cognitoIdentityPoolId");
                default: return null;
            }
        });
    }

    private static Object client(Class<?> type, Api.Event event) {
        Map<?, ?> members = parse(event.header("lambda-runtime-client-context"));
        if (members == null) return null;
        return proxy(type, (method, values) -> {
            switch (method.getName()) {
                case "getCustom": return mapOf(members.get("custom"));
                case "getEnvironment": return mapOf(members.get("env"));
                case "getClient": return application(method.getReturnType(), mapOf(members.get("client")));
                default: return null;
            }
        });
    }

    private static Object application(Class<?> type, Map<?, ?> members) {
        return proxy(type, (method, values) -> {
            switch (method.getName()) {
                case "getInstallationId": return members.get("installation_id");
                case "getAppTitle": return members.get("app_title");
                case "getAppVersionName": return members.get("app_version_name");
                case "getAppVersionCode": return members.get("app_version_code");
                case "getAppPackageName": return members.get("app_package_name");
                default: return null;
            }
        });
    }

    private static Map<?, ?> mapOf(Object value) {
        return value instanceof Map ? (Map<?, ?>) value : Collections.emptyMap();
    }

    private static Map<?, ?> parse(String header) {
        if (header == null || header.isEmpty()) return null;
        // Header bytes were read one to a character.
        Object value = Json.parse(new String(header.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8));
        return value instanceof Map ? (Map<?, ?>) value : null;
    }

    private interface Answer {
        Object to(Method method, Object[] values);
    }

    private static Object proxy(Class<?> type, Answer answer) {
        InvocationHandler handler = (self, method, values) -> {
            if (method.getDeclaringClass() != Object.class) return answer.to(method, values);
            switch (method.getName()) {
                case "equals": return self == values[0];
                case "hashCode": return System.identityHashCode(self);
                default: return type.getSimpleName();
            }
        };
        return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler);
    }
}
