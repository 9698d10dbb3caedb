// Neither the credential nor a new key gets into an address, a store of the browser or a cookie, and both are gone when the
// page is left, reloaded or told to forget.

import assert from "node:assert/strict";

export async function check(begin) {
  const visit = await begin();
  await visit.signIn();
  const created = await visit.create({ owner: "fleet", name: "secretive", scopes: "keys:read" });
  const secrets = [visit.key, created];
  await nothingKept(visit, secrets);

  await visit.page.reload();
  await isForgotten(visit, secrets);

  await visit.signIn();
  await visit.page.goto("about:blank");
  await visit.page.goBack();
  await isForgotten(visit, secrets);

  await visit.signIn();
  await visit.page.getByRole("button", { name: "Forget" }).click();
  await isForgotten(visit, secrets);

  await visit.signIn();
  await searchesOnlyForTheId(visit, created);
  await nothingKept(visit, secrets);
  await visit.end();
}

async function isForgotten(visit, secrets) {
  await visit.page.getByLabel("Credential").waitFor();
  assert.equal(await visit.page.getByLabel("Credential").inputValue(), "");
  assert.equal(await visit.locate("#rows tr").count(), 0);
  const seen = visit.requests.length;
  await visit.page.getByRole("button", { name: "Continue" }).click();
  await visit.page.getByText("Paste a credential first.").waitFor();
  assert.equal(visit.requests.length, seen, "nothing is left to send");
  await nothingKept(visit, secrets);
}

async function nothingKept(visit, secrets) {
  assert.deepEqual(await visit.context.cookies(), []);
  const { kept, html } = await visit.page.evaluate(async () => ({
    kept: [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length, document.cookie, history.state],
    html: document.documentElement.outerHTML + document.title,
  }));
  assert.deepEqual(kept, [0, 0, 0, "", null]);
  for (const secret of secrets) {
    assert.ok(!html.includes(secret), "no attribute or text has a secret");
    for (const request of visit.requests) {
      assert.ok(!request.url().includes(secret.split("_").at(-1)), request.url());
      assert.ok(!request.headers().referer, "no address is sent as a referrer");
      assert.ok(!request.headers().cookie);
    }
  }
}

async function searchesOnlyForTheId(visit, key) {
  await visit.page.getByRole("searchbox").fill(key);
  await visit.page.getByText("Only its id was searched for.").waitFor();
  await visit.shows("secretive");
}
