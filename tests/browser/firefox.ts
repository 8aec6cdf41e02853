// Firefox without a screen, driven by WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/), which it speaks itself.
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import WebSocket from "ws";
import { type DrivenBrowser, WINDOW, findProgram, inJson, told, withParts } from "./driven-browser.js";

const FIREFOX = findProgram("firefox-esr") ?? findProgram("firefox");

/** Why Firefox cannot be driven here; undefined: it can. */
export const noFirefox =
  FIREFOX === undefined ? "no Firefox on this machine (Debian: apt install firefox-esr)" : undefined;

/** It asks nobody but the test's server for anything, and has the focus without a screen, which capturing the mouse takes. */
const PREFERENCES = {
  "focusmanager.testmode": true,
  "browser.download.alwaysOpenPanel": false, // it would take the focus
  "browser.download.folderList": 2, // the folder below
  "app.update.enabled": false,
  "app.normandy.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
};

interface Evaluated {
  readonly type: "success" | "exception";
  readonly result?: { readonly value?: string };
  readonly exceptionDetails?: { readonly text: string };
}

/** Starts Firefox with a profile of its own. */
export const startFirefox = (): Promise<DrivenBrowser> =>
  withParts(async (parts) => {
    const profile = await parts.folder();
    const preferences = { ...PREFERENCES, "browser.download.dir": profile };
    const lines = Object.entries(preferences).map(
      ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
    );
    await writeFile(join(profile, "user.js"), lines.join(""));
    const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"];
    const { stderr } = parts.start(FIREFOX ?? "", args, { stdio: ["ignore", "ignore", "pipe"] });
    const address = await told(stderr as NodeJS.ReadableStream, /listening on (ws:\S+)/);
    const socket = new WebSocket(`${address}/session`);
    await once(socket, "open");
    parts.atEnd(() => socket.terminate());
    const command = commandsOver(socket);
    await command("session.new", { capabilities: {} });
    // In the tab that it begins with, the field for addresses has the focus, and synthetic clicks leave it there.
    const { context } = await command<{ context: string }>("browsingContext.create", { type: "tab" });
    await command("browsingContext.setViewport", { context, viewport: WINDOW });
    return {
      open: (url) => command("browsingContext.navigate", { context, url, wait: "complete" }),
      async evaluate(expression) {
        const script = { expression: inJson(expression), target: { context }, awaitPromise: true };
        const { type, result, exceptionDetails } = await command<Evaluated>("script.evaluate", script);
        if (type !== "success") throw new Error(`in the page: ${exceptionDetails?.text ?? "an exception"}`);
        return JSON.parse(result?.value ?? "null") as never;
      },
      perform: (source) => command("input.performActions", { context, actions: [source] }),
      async screenshot() {
        const { data } = await command<{ data: string }>("browsingContext.captureScreenshot", { context });
        return Buffer.from(data, "base64");
      },
      close: () => parts.end(),
    };
  });

/** What answers a command; events have no number. */
interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
}

/** Numbered commands with their answers over a socket. */
function commandsOver(socket: WebSocket): <T>(method: string, params: object) => Promise<T> {
  const waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  let count = 0;
  socket.on("message", (data) => {
    const { id = -1, result, error, message } = JSON.parse((data as Buffer).toString()) as Answer;
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(result as never);
    else asked?.reject(new Error(`${error}: ${message ?? ""}`));
  });
  socket.on("close", () => waiting.forEach(({ reject }) => reject(new Error("the browser is gone"))));
  return (method, params) =>
    new Promise((resolve, reject) => {
      const id = ++count;
      waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ id, method, params }));
    });
}
