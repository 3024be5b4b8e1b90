// Calls a handler of the current folder with the event on standard input, and prints its answer. Nothing of Fogbank.
"use strict";

const { randomUUID } = require("crypto");
const { existsSync, readFileSync } = require("fs");
const { join } = require("path");
const { pathToFileURL } = require("url");

const deadline = Date.now() + Number(process.env.FOGBANK_TIMEOUT) * 1000;
const context = {
  functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
  memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  invokedFunctionArn: process.env.FOGBANK_FUNCTION_ARN,
  awsRequestId: randomUUID(),
  logGroupName: `/aws/lambda/${process.env.AWS_LAMBDA_FUNCTION_NAME}`,
  logStreamName: "here",
  callbackWaitsForEmptyEventLoop: true,
  getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
};

async function main() {
  const dot = process.argv[2].lastIndexOf(".");
  const base = join(process.cwd(), process.argv[2].slice(0, dot));
  const file = [".js", ".mjs", ".cjs"].map((end) => base + end).find(existsSync);
  const handler = (await import(pathToFileURL(file)))[process.argv[2].slice(dot + 1)];
  const event = JSON.parse(readFileSync(0, "utf8"));
  const answer = await new Promise((resolve, reject) => {
    const returned = handler(event, context, (error, value) => (error ? reject(error) : resolve(value)));
    if (returned && typeof returned.then === "function") returned.then(resolve, reject);
  });
  console.log(JSON.stringify(answer === undefined ? null : answer));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
