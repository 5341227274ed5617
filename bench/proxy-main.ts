/** The proxy's process: `node bench/proxy-main.ts <port> <host> <port> <milliseconds one way>`. */
import process from "node:process"
import { makeProxy } from "./proxy.ts"

const [port, host = "127.0.0.1", target, millis] = process.argv.slice(2)
const proxy = makeProxy(host, Number(target), Number(millis))
proxy.listen(Number(port), "127.0.0.1", () => console.log("listening"))
process.on("SIGTERM", () => process.exit(0))
