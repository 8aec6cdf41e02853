// Who is let in, and what a page is told.
import { afterEach, expect, test } from "vitest";
import { request } from "node:http";
import { TestClient } from "../testing/play-client.js";
import { type TestServer, closeTestServers, testServer } from "../testing/test-server.js";

afterEach(closeTestServers);

/** Status of a request with headers that `fetch` would not send. */
function status(server: TestServer, headers: Record<string, string>, path = "/api/v1/world"): Promise<number> {
  return new Promise((resolve, reject) => {
    request(server.address + path, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

test("without a token it listens on this machine only, unless everyone is meant", async () => {
  await expect(testServer({ host: "0.0.0.0" })).rejects.toThrow("--token");
  await testServer({ host: "0.0.0.0", insecure: true });
  await testServer({ host: "0.0.0.0", token: "a secret" });
  for (const token of ["", "short"]) await expect(testServer({ host: "0.0.0.0", token })).rejects.toThrow("8 or more");
});

test("pages of other places are refused, and names that only point here", async () => {
  const server = await testServer({ origins: ["https://play.example.org"] });
  const host = new URL(server.address).host;
  expect(await status(server, { host })).toBe(200);
  expect(await status(server, { host, origin: `http://${host}` })).toBe(200);
  expect(await status(server, { host, origin: "https://play.example.org" })).toBe(200);
  for (const origin of ["https://evil.example", "null", `https://${host}.evil.example`, "http://localhost:1"])
    expect(await status(server, { host, origin })).toBe(403);
  expect(await status(server, { host: "rebound.example" })).toBe(403);
  expect(await status(server, { host: "127.0.0.1.evil.example" })).toBe(403);
  expect(await status(server, { host: "rebound.example" }, "/")).toBe(403);
  await expect(TestClient.connect(server.address, { origin: "https://evil.example" })).rejects.toThrow();
  await (await TestClient.connect(server.address, { origin: `http://${host}` })).end();
});

test("a token is asked for everywhere but for health", async () => {
  const server = await testServer({ token: "a secret" });
  for (const path of ["/api/v1/world", "/api/v1/starts", "/metrics", "/api/v1/play"])
    expect((await server.http("GET", path)).status).toBe(401);
  expect((await server.http("GET", "/health")).status).toBe(200);
  const as = (authorization: string): Promise<Response> =>
    server.http("GET", "/api/v1/world", undefined, { authorization });
  expect((await as("Bearer a secret")).status).toBe(200);
  for (const wrong of ["Bearer a secre", "Bearer a secret2", "Basic a secret", "a secret"])
    expect((await as(wrong)).status).toBe(401);
  const cookie = "vid2world-token=%E0%A4%A";
  expect((await server.http("GET", "/api/v1/world", undefined, { cookie })).status).toBe(401);
  await expect(TestClient.connect(server.address)).rejects.toThrow();
  const client = await TestClient.connect(server.address, { headers: { authorization: "Bearer a secret" } });
  await client.open();
  await client.end();
});

test("the printed address turns the token into a cookie that scripts cannot read", async () => {
  const server = await testServer({ token: "se cret %" });
  const response = await server.http("GET", "/?token=se%20cret%20%25");
  expect(response.status).toBe(302);
  expect(response.headers.get("location")).toBe("./");
  const cookie = response.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
  const held = cookie.split(";")[0] ?? "";
  expect((await server.http("GET", "/api/v1/world", undefined, { cookie: held })).status).toBe(200);
  expect((await server.http("GET", "/?token=wrong&paused")).headers.get("location")).toBe("./?paused=");
  expect((await server.http("GET", "/?token=wrong")).headers.get("set-cookie")).toBeNull();
});

test("the page comes with its policy, and no path leads out of its folder", async () => {
  const server = await testServer({ page: import.meta.dirname });
  const page = await server.http("GET", "/access.ts");
  expect(page.status).toBe(200);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(page.headers.get("x-content-type-options")).toBe("nosniff");
  const ways = [
    "/../engine.ts",
    "/%2e%2e/engine.ts",
    "/..%2fengine.ts",
    "/%2e%2e%2f%2e%2e%2fpackage.json",
    "//etc/passwd",
  ];
  for (const path of ways)
    expect([403, 404]).toContain(await status(server, { host: new URL(server.address).host }, path));
});

test("behind a proxy a client is who the proxy says, whatever the client says of itself", async () => {
  const server = await testServer({ trustProxy: true, limits: { requestsPerMinute: 5 } });
  const from = async (...addresses: string[]): Promise<number> =>
    (await server.http("GET", "/health", undefined, { "x-forwarded-for": addresses.join(", ") })).status;
  for (let i = 0; i < 5; i++) expect(await from(`10.0.0.${i}`, "192.0.2.1")).toBe(200);
  expect(await from("10.0.0.9", "192.0.2.1")).toBe(429);
  expect(await from("192.0.2.1", "192.0.2.2")).toBe(200);
  for (let i = 1; i < 6; i++) expect(await from(`2001:db8::${i}`)).toBe(200);
  expect(await from("2001:db8::7")).toBe(429);
});

test("too many requests and too many connections are refused", async () => {
  const server = await testServer({ limits: { requestsPerMinute: 5, connectionsPerAddress: 2 } });
  const clients = [await server.connect(), await server.connect()];
  const third = await server.connect();
  if (third.socket.readyState === third.socket.OPEN)
    await new Promise((resolve) => third.socket.once("close", resolve));
  for (const client of clients) await client.end();
  for (let i = 0; i < 5; i++) await server.http("GET", "/health");
  expect((await server.http("GET", "/health")).status).toBe(429);
});
