exports.lambdaHandler = async () => {
  console.log("saying hello");
  return { statusCode: 200, body: JSON.stringify({ message: "Hello world" }) };
};
