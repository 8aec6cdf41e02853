// Opens an address in the browser of whoever sits at this machine, where there is a display.
import { spawn } from "node:child_process";

/** Tries; a machine without display or browser is no failure: the address is printed anyway. */
export function openPage(address: string, env: NodeJS.ProcessEnv = process.env): void {
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  const display = process.platform === "darwin" || [env["DISPLAY"], env["WAYLAND_DISPLAY"]].some(Boolean);
  if (!display) return;
  const child = spawn(opener, [address], { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}
