// The protocol's documents are those of this version, whole, and true.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestServer, testServer } from "../testing/test-server.js";
import { messagesDocument, openApiDocument, routes } from "./openapi.js";

const kept = (name: string): Promise<string> =>
  readFile(path.resolve(import.meta.dirname, "../../../../../docs/protocol", name), "utf8");

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

test("docs/protocol is of this version", async () => {
  const written = (document: object): string => `${JSON.stringify(document, null, 2)}\n`;
  const advice = "stale: ./vid2world config protocol --out docs/protocol";
  expect((await kept("openapi.json")) === written(openApiDocument()), advice).toBe(true);
  expect((await kept("messages.schema.json")) === written(messagesDocument()), advice).toBe(true);
});

test.each([openApiDocument(), messagesDocument()])(
  "every reference of a document leads somewhere in it",
  (document) => {
    const text = JSON.stringify(document);
    const targets = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, target = ""]) => target);
    expect(targets.length).toBeGreaterThan(5);
    for (const target of targets) {
      const found = target.split("/").reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
      expect(found, target).toBeDefined();
    }
  },
);

test("a server serves the documents of its own version", async () => {
  const served = async (name: string): Promise<unknown> => (await server.http("GET", `/api/v1/${name}`)).json();
  expect(await served("openapi.json")).toEqual(openApiDocument());
  expect(await served("messages.schema.json")).toEqual(messagesDocument());
});

test("every route of the document is one of the server", async () => {
  for (const { method, path: route } of routes) {
    const response = await server.http(method.toUpperCase(), `/api/v1${route.replace(/\{\w+\}/g, "1")}`, method === "post" ? {} : undefined); // prettier-ignore
    expect(await response.text(), `${method} ${route}`).not.toContain("nothing here");
  }
});
