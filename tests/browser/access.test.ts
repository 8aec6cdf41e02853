// Who gets in: full servers, queues and tokens, seen in Chromium.
/// <reference lib="dom" />
import { describe, expect, test } from "vitest";
import { noBrowser } from "./page-server.js";
import { begin, browserVisitor, button, playButton } from "./visitor.js";

describe.skipIf(noBrowser !== undefined)("access in Chromium", () => {
  const visitor = browserVisitor();

  test("waits in the queue of a full server, and goes in when there is room", async () => {
    const page = await visitor.openPage({ limits: { sessions: 1 } });
    await begin(page);
    await playButton(page).click();
    const second = await visitor.visit();
    await second.getByRole("button", { name: /A coloured floor/ }).click();
    await second.getByText("You are next").waitFor();
    await button(page, "Starts").click();
    await playButton(second).waitFor();
  });

  test("says when a server is full to the last place in its queue", async () => {
    const page = await visitor.openPage({ limits: { sessions: 1, queue: 0 } });
    await begin(page);
    await playButton(page).click();
    const second = await visitor.visit();
    await second.getByRole("button", { name: /A coloured floor/ }).click();
    await second.getByText("Every place is taken").waitFor();
    await button(second, "Choose a start").click();
    await second.getByText("Where do you want to begin?").waitFor();
  });

  test("asks for the token, refuses a wrong one, and plays with the right one", async () => {
    const page = await visitor.openPage({ token: "swordfish" });
    const enter = async (token: string): Promise<void> => {
      await page.getByLabel("Token").fill(token);
      await button(page, "Enter").click();
    };
    await enter("herring");
    await page.getByText("not the right one").waitFor();
    await enter("swordfish");
    await begin(page);
    await visitor.playTo(page, 6);
    expect(page.url()).not.toContain("swordfish");
  });
});
