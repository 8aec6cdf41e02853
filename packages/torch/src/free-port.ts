// A port for ranks to meet at, or for a server behind a proxy, where whoever uses it has to be told its number beforehand.
import { createServer, type AddressInfo } from "node:net";

/** A port of this machine that nobody listens on at this moment; nothing holds it for the caller. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
