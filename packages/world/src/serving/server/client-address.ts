// Who a client is where limits are counted: its address, or for IPv6 the network that every customer has to itself.

import { isIPv6 } from "node:net";

/** IPv4 addresses as they are, also those in IPv6's clothes; of IPv6 ones the first 64 bits, as a client changes the others as it likes. */
export function clientAddress(ip: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(ip)) return ip;
  const [before = "", after] = ip.toLowerCase().replace(/%.*$/, "").split("::");
  const groups = before === "" ? [] : before.split(":");
  // What `::` stands for is at least one group; those after it count from the end.
  const last = after === undefined || after === "" ? [] : after.split(":");
  const width = groups.length + last.length + (last.at(-1)?.includes(".") ? 1 : 0);
  const all = after === undefined ? groups : [...groups, ...Array<string>(8 - width).fill("0"), ...last];
  const network = all.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
