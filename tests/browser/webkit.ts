// WebKit, the engine of Safari: WebKitGTK's own small browser on a screen in memory, driven by WebDriver (https://www.w3.org/TR/webdriver2/).
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type DrivenBrowser, WINDOW, findProgram, inJson, told, withParts } from "./driven-browser.js";

const [DRIVER, SCREEN] = [findProgram("WebKitWebDriver"), findProgram("Xvfb")];

/** Why WebKit cannot be driven here; undefined: it can. */
export const noWebKit =
  DRIVER === undefined || SCREEN === undefined
    ? "no WebKit to drive on this machine (Debian: apt install webkit2gtk-driver xvfb)"
    : undefined;

/** How it draws where there may be no graphics card; with other ways it hangs there. */
const WITHOUT_GPU = { LIBGL_ALWAYS_SOFTWARE: "1", WEBKIT_SKIA_ENABLE_CPU_RENDERING: "1" } as const;
/** Milliseconds that a command may take: a page that crashed answers never. */
const COMMAND_MS = 60_000;

/** Starts WebKit with a home of its own. */
export const startWebKit = (): Promise<DrivenBrowser> =>
  withParts(async (parts) => {
    const home = await parts.folder();
    const size = `${WINDOW.width}x${WINDOW.height + 100}x24`;
    const screenArgs = ["-screen", "0", size, "-nolisten", "tcp", "-displayfd", "3"];
    const screen = parts.start(SCREEN ?? "", screenArgs, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    const display = await told(screen.stdio[3] as NodeJS.ReadableStream, /(\d+)/);
    const port = await freePort();
    const own = { DISPLAY: `:${display}`, HOME: home, XDG_RUNTIME_DIR: home, GIO_USE_VFS: "local" };
    parts.start(DRIVER ?? "", [`--port=${port}`], { stdio: "ignore", env: { ...process.env, ...own, ...WITHOUT_GPU } });

    async function command<T>(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<T> {
      const init = { method, signal: AbortSignal.timeout(COMMAND_MS), ...(body && { body: JSON.stringify(body) }) };
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
      const { value } = (await answer.json()) as { value: T & { error: string; message: string } };
      if (!answer.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
      return value;
    }
    await untilAnswers(() => command("GET", "/status"));
    const capabilities = { capabilities: { alwaysMatch: {} } };
    const { sessionId } = await command<{ sessionId: string }>("POST", "/session", capabilities);
    const session = `/session/${sessionId}`;
    parts.atEnd(() => command("DELETE", session));
    await command("POST", `${session}/window/rect`, { x: 0, y: 0, ...WINDOW });
    return {
      open: (url) => command("POST", `${session}/url`, { url }),
      async evaluate(expression) {
        const script = { script: `return ${inJson(expression)}`, args: [] };
        return JSON.parse(await command<string>("POST", `${session}/execute/sync`, script)) as never;
      },
      perform: (source) => command("POST", `${session}/actions`, { actions: [source] }),
      screenshot: async () => Buffer.from(await command<string>("GET", `${session}/screenshot`), "base64"),
      close: () => parts.end(),
    };
  });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Asks again until a program that was just started answers. */
async function untilAnswers(ask: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return void (await ask());
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
