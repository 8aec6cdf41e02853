// The address by which other machines reach a server that listens on all of this one's: what is printed for `0.0.0.0` is good here only.
import { networkInterfaces } from "node:os";

/** Addresses that stand for all of a machine's. */
const ALL = new Set(["0.0.0.0", "::", "[::]"]);

/** The same address with this machine's first one on a network in it; undefined where the server listens at one in particular, or there is none. */
export function networkAddress(address: string, host: string, interfaces = networkInterfaces()): string | undefined {
  if (!ALL.has(host)) return undefined;
  const found = Object.values(interfaces)
    .flatMap((all = []) => all)
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (!found) return undefined;
  const url = new URL(address);
  url.hostname = found.address;
  return url.origin;
}
