// What @vid2world/cli offers to programs: the command line itself. People use `vid2world`.
export { createProgram } from "./program.js";
