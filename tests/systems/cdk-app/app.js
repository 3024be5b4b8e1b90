// A bucket, a function whose code is an asset, one whose code stands in the template, and what they may do.
const cdk = require("aws-cdk-lib");
const lambda = require("aws-cdk-lib/aws-lambda");
const s3 = require("aws-cdk-lib/aws-s3");
const path = require("node:path");

class Stack extends cdk.Stack {
  constructor(scope, id) {
    super(scope, id);
    const bucket = new s3.Bucket(this, "Notes", { removalPolicy: cdk.RemovalPolicy.DESTROY });
    const writer = new lambda.Function(this, "Writer", {
      runtime: lambda.Runtime.PYTHON_3_11,
      handler: "writer.handler",
      code: lambda.Code.fromAsset(path.join(__dirname, "function")),
      environment: { BUCKET: bucket.bucketName, GREETING: this.node.tryGetContext("greeting") || "hello" },
    });
    bucket.grantReadWrite(writer);
    const echo = new lambda.Function(this, "Echo", {
      runtime: lambda.Runtime.PYTHON_3_11,
      handler: "index.handler",
      code: lambda.Code.fromInline("def handler(event, context):\n    return event\n"),
    });
    new cdk.CfnOutput(this, "WriterName", { value: writer.functionName });
    new cdk.CfnOutput(this, "EchoName", { value: echo.functionName });
    new cdk.CfnOutput(this, "BucketName", { value: bucket.bucketName });
  }
}

const app = new cdk.App();
new Stack(app, "notes");
