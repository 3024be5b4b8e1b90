"use strict";

const { CloudFormationClient, DescribeStacksCommand } = require("@aws-sdk/client-cloudformation");
const axios = require("axios");
const { assert } = require("chai");

describe("the deployed API", () => {
  let response;

  before(async () => {
    const client = new CloudFormationClient({});
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: process.env.STACK_NAME }));
    const output = Stacks[0].Outputs.find((o) => o.OutputKey === "HelloWorldApi");
    response = await axios.get(output.OutputValue);
  });

  it("answers 200", () => assert.equal(response.status, 200));

  it("says hello", () => assert.equal(response.data.message, "Hello world"));
});
