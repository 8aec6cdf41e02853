// How the page is built: TypeScript and Preact into a folder of static files that any server may serve under any path.
import { defineConfig } from "vite";

/** Where `npm run dev` finds a server: a running `vid2world play`. */
const server = process.env["VID2WORLD_SERVER"] ?? "http://127.0.0.1:8008";

// eslint-disable-next-line no-restricted-syntax -- vite wants a default export here; every other file has named ones.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: ["chrome111", "firefox115", "safari16.4"],
    // Nothing is written into the page itself: its content security policy forbids inline scripts and data URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": { target: server, ws: true } } },
});
