// Makes recordings/doom-e1m2 and recordings/doom-maps from the original Doom gameplay. Run after `npm run build`:
//   node scripts/import-doom-recordings.mjs [folder of the original, default ../shared/data/doom]
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importDoom } from "@vid2world/world/data/doom-import";

const root = fileURLToPath(new URL("..", import.meta.url));
const licences = process.argv[2] ?? join(root, "../shared/data/doom");

const oneMap = await importDoom({
  from: join(licences, "onemap"),
  licences,
  to: join(root, "recordings/doom-e1m2"),
  name: "doom-e1m2",
  description: "A calm scripted visitor in one empty map, E1M2 of Freedoom: Phase 1. 25 minutes.",
});
const allMaps = await importDoom({
  from: join(licences, "data"),
  licences,
  to: join(root, "recordings/doom-maps"),
  name: "doom-maps",
  description: "Fights in many maps of Freedoom and FreeDM: human players (the games' own demos) and a bot.",
  // A match is seen by each of its players. These views are left out to keep the repository small.
  without: ["freedm_demo1_p3", "freedm_demo1_p4", "freedm_demo2_p3"],
});
console.log(`doom-e1m2: ${oneMap.length} episodes; doom-maps: ${allMaps.length} episodes`);
