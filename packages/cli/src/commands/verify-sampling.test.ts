// The recorded sampling runs of the shared folder by `vid2world verify`; the other kinds are in verify.test.ts.
import { existsSync } from "node:fs";
import { fixtureFolder } from "@vid2world/world/model/testing/fixtures";
import { afterEach, describe, test } from "vitest";
import { expectPassed, sharedKinds } from "../testing/run-verify.js";

afterEach(() => void (process.exitCode = 0));

const here = existsSync(fixtureFolder);

describe.skipIf(!here)("vid2world verify of recorded sampling (skipped without the shared fixtures)", async () => {
  test.each(here ? await sharedKinds("sampling") : [])("every case of %s passes", { timeout: 1_800_000 }, expectPassed);
});
