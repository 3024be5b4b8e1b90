#!/bin/sh
# An external extension in shell: registers, and tells each event it is sent.
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
head=$(mktemp)
curl -sS -o /dev/null -D "$head" -H "Lambda-Extension-Name: $(basename "$0")" -d '{"events": ["INVOKE", "SHUTDOWN"]}' "$api/register"
id=$(tr -d '\r' <"$head" | awk 'tolower($1) == "lambda-extension-identifier:" {print $2}')
echo "shell registered"
while :; do
    event=$(curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next")
    case $event in
    *SHUTDOWN*) echo "shell SHUTDOWN $(echo "$event" | sed 's/.*"shutdownReason": *"\([a-z]*\)".*/\1/')"; exit 0 ;;
    *) echo "shell INVOKE $(echo "$event" | sed 's/.*"requestId": *"\([^"]*\)".*/\1/')" ;;
    esac
done
