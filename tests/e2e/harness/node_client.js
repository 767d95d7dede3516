// Node's `ws` as a process: commands come as lines of JSON on stdin, what happens goes as lines of JSON to stdout.
const { createInterface } = require("node:readline");
const WebSocket = require("ws");

const [url, ...subprotocols] = process.argv.slice(2);
const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");
const socket = new WebSocket(url, subprotocols, { perMessageDeflate: true });

socket.on("open", () => say({ open: [socket.protocol, socket.extensions] }));
socket.on("message", (data, binary) => say(binary ? { bytes: data.toString("base64") } : { text: data.toString() }));
socket.on("pong", (data) => say({ pong: data.toString("base64") }));
socket.on("close", (code, reason) => { say({ close: [code, reason.toString()] }); process.exit(); });
socket.on("error", (error) => say({ error: String(error) }));

createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  if ("text" in command) socket.send(command.text);
  if ("bytes" in command) socket.send(Buffer.from(command.bytes, "base64"));
  if ("ping" in command) socket.ping(Buffer.from(command.ping, "base64"));
  if ("close" in command) socket.close(...command.close);
});
