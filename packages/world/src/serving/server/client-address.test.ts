// Whom limits count.
import { expect, test } from "vitest";
import { clientAddress } from "./client-address.js";

test("an address counts for itself, and all that one IPv6 client may choose of together", () => {
  expect(clientAddress("192.168.1.7")).toBe("192.168.1.7");
  expect(clientAddress("::ffff:192.168.1.7")).toBe("192.168.1.7");
  const network = "2001:db8:0:7::/64";
  for (const ip of ["2001:db8:0:7::1", "2001:0db8:0000:0007:1:2:3:4", "2001:DB8::7:9:a:b:c", "2001:db8:0:7::5%eth0"])
    expect([ip, clientAddress(ip)]).toEqual([ip, network]);
  expect(clientAddress("2001:db8:0:8::1")).toBe("2001:db8:0:8::/64");
  expect(clientAddress("::1")).toBe("0:0:0:0::/64");
  expect(clientAddress("64:ff9b::1.2.3.4")).toBe("64:ff9b:0:0::/64");
  expect(clientAddress("2001:db8:1:2:3:4:5::")).toBe("2001:db8:1:2::/64");
});
