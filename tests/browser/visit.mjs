// A visit to the page, in a browser window of its own.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "playwright-core";

/** In milliseconds; longer than anything takes on a busy machine. */
const PATIENCE = 30_000;
const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 400, height: 860 };

export async function withBrowser(use) {
  const browser = await chromium.launch({
    executablePath: process.env.PORTCULLIS_CHROMIUM ?? "/usr/bin/chromium",
    // Continuous integration runs as root, for whom Chromium has no sandbox.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  try {
    await use(browser);
  } finally {
    await browser.close();
  }
}

export class Visit {
  /** Opens the page. What the browser complains about is collected in `complaints`, and what it requests in `requests`. */
  static async begin(browser, url, key, { dark = false, viewport = DESKTOP } = {}) {
    const context = await browser.newContext({
      colorScheme: dark ? "dark" : "light",
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
      viewport,
    });
    context.setDefaultTimeout(PATIENCE);
    const visit = new Visit();
    Object.assign(visit, { context, url, key, name: "", complaints: [], requests: [] });
    visit.theme = `${viewport === PHONE ? "phone-" : ""}${dark ? "dark" : "light"}`;
    visit.page = await context.newPage();
    visit.page.on("pageerror", (error) => visit.complaints.push(String(error)));
    visit.page.on("dialog", (dialog) => visit.complaints.push(`a script opened: ${dialog.message()}`));
    visit.page.on("request", (request) => visit.requests.push(request));
    visit.page.on("console", (message) => {
      // The browser logs each refused request.
      if (!message.text().startsWith("Failed to load resource")) visit.complaints.push(message.text());
    });
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await visit.page.goto(url);
    return visit;
  }

  locate(selector, options) {
    return this.page.locator(selector, options);
  }

  async signIn(key = this.key) {
    await this.page.getByLabel("Credential").fill(key);
    await this.page.getByRole("button", { name: "Continue" }).click();
    await this.settled();
  }

  /** Waits until the list has been loaded. */
  async settled() {
    await this.locate("#keys:visible #list[aria-busy=false]").waitFor();
  }

  /** The row of the key with this name. */
  row(name) {
    return this.locate("#rows tr[data-id]").filter({ has: this.page.getByRole("button", { name, exact: true }) });
  }

  /** The names in the list, in its order. */
  names() {
    return this.locate("#rows [data-action=details]").allTextContents();
  }

  /** Waits until the list has these names. */
  async shows(...names) {
    await this.eventually(async () => assert.deepEqual((await this.names()).sort(), names.sort()));
  }

  /** Repeats an assertion until it holds. */
  async eventually(assertion) {
    const end = performance.now() + PATIENCE;
    for (;;) {
      try {
        return await assertion();
      } catch (error) {
        if (performance.now() > end) throw error;
        await this.page.evaluate(() => new Promise(requestAnimationFrame));
      }
    }
  }

  /** Creates a key by the dialog and returns it. The dialog with the key stays open. */
  async create({ owner, name, scopes = "" }) {
    await this.page.getByRole("button", { name: "New key" }).click();
    const dialog = this.page.getByRole("dialog", { name: "New key", exact: true });
    await dialog.getByLabel("Owner").fill(owner);
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("Scopes").fill(scopes);
    await dialog.getByRole("button", { name: "Create key" }).click();
    return this.secret();
  }

  /** The key that the open dialog shows. */
  async secret() {
    await this.locate("#secret-dialog[open]").waitFor();
    return this.page.getByLabel("Key", { exact: true }).inputValue();
  }

  /** The status of the list for a caller with another key. */
  async statusFor(key) {
    const list = this.url.replace(/\/ui$/, "?limit=1");
    return (await fetch(list, { headers: { "X-API-Key": key } })).status;
  }

  /** What has the focus. */
  focused() {
    return this.page.evaluate(() => {
      const { id, dataset, textContent } = document.activeElement;
      return { id, action: dataset.action, text: textContent.trim() };
    });
  }

  /** Takes a picture, if a folder for pictures is given. */
  async picture(name) {
    const folder = process.env.PORTCULLIS_SCREENSHOTS;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${this.theme}-${name}.png`) });
  }

  /** Ends the visit. The browser must have had nothing to complain about. */
  async end() {
    assert.deepEqual(this.complaints, []);
    await this.context.close();
  }
}
