// Starts emulate on a free port of the loopback interface alone (by itself it listens on every interface), and says
// which port. The first argument is emulate's own entry file; the others are emulate's.
import net from "node:net";
import { pathToFileURL } from "node:url";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (_port, ...others) {
  this.once("listening", () => console.log(`listening on ${this.address().port}`));
  return listen.call(this, { port: 0, host: "127.0.0.1" }, ...others.filter((one) => typeof one === "function"));
};
await import(pathToFileURL(process.argv.splice(2, 1)[0]));
