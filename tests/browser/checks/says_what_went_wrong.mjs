// Refusals and outages are said where they belong, in plain words.

import assert from "node:assert/strict";

export async function check(begin) {
  const visit = await begin();
  await refusesAtSignIn(visit);
  await visit.signIn();
  await saysThatTheListFailed(visit);
  await saysThatAChangeFailed(visit);
  await endsTheSession(visit);
  await visit.end();
}

const problem = (status, headers = {}, detail = "as the test wants it") => ({
  status,
  headers,
  contentType: "application/problem+json",
  body: JSON.stringify({ type: "about:blank", title: "Problem", status, detail }),
});

/** Answers the next requests that match, until the function that it returns is called. */
async function answer(visit, isMatch, fulfil) {
  const handle = (route) => (fulfil ? route.fulfill(fulfil) : route.abort());
  const matches = (url) => !url.pathname.includes("/ui") && isMatch(url);
  await visit.page.route(matches, handle);
  return () => visit.page.unroute(matches, handle);
}

const everything = () => true;

async function says(visit, place, text) {
  const found = visit.locate(place).getByText(text);
  await found.waitFor();
  const isAnnounced = await visit.locate(place).evaluate((element) => Boolean(element.closest("[role=alert]")));
  assert.ok(isAnnounced, `${place} is announced`);
}

async function refusesAtSignIn(visit) {
  await visit.page.getByLabel("Credential").fill("not-a-key");
  await visit.page.getByRole("button", { name: "Continue" }).click();
  await says(visit, "#credential-error", "wrong, expired or revoked");
  for (const [fulfil, text] of [
    [problem(403), "Use one with the scope keys:read"],
    [problem(503, { "Retry-After": "7" }), "Try again in 7 seconds"],
    [problem(429, { "Retry-After": "1" }), "Too many requests. Try again in a second"],
    [{ status: 502, body: "<html>" }, "The server failed (status 502)"],
    [null, "The server does not answer"],
  ]) {
    const stop = await answer(visit, everything, fulfil);
    await visit.page.getByRole("button", { name: "Continue" }).click();
    await says(visit, "#credential-error", text);
    await stop();
  }
  assert.equal((await visit.focused()).id, "credential");
}

async function saysThatTheListFailed(visit) {
  const stop = await answer(visit, everything, problem(503, { "Retry-After": "7" }));
  await visit.page.getByRole("radio", { name: "Active" }).check();
  await says(visit, "#list-problem", "The server cannot reach its keys now. Try again in 7 seconds.");
  assert.ok(await visit.locate("#list").isHidden(), "no old keys under a new filter");
  await stop();
  await visit.page.getByRole("button", { name: "Try again" }).click();
  await visit.row("billing-worker").waitFor();
  assert.equal(await visit.locate("#list-problem").innerText(), "");
}

async function saysThatAChangeFailed(visit) {
  await visit.page.getByRole("button", { name: "Revoke billing-worker" }).click();
  const dialog = visit.page.getByRole("dialog", { name: "Revoke this key?" });
  await dialog.getByLabel("Reason").fill("a test");
  for (const [fulfil, text] of [
    [problem(403), "Use one with the scope keys:write"],
    [problem(422, {}, "the reason is too long"), "The server refused this: the reason is too long."],
    [null, "the change may or may not have been made"],
  ]) {
    const stop = await answer(visit, (url) => url.pathname.endsWith("/revoke"), fulfil);
    await dialog.getByRole("button", { name: "Revoke key" }).click();
    await says(visit, "#revoke-dialog [data-problem]", text);
    await stop();
  }
  assert.equal(await dialog.getByLabel("Reason").inputValue(), "a test");
  await visit.page.keyboard.press("Escape");
  await createsOnlyOneKeyWhenTheAnswerIsLost(visit);
}

async function createsOnlyOneKeyWhenTheAnswerIsLost(visit) {
  const isPost = (route) => route.request().method() === "POST";
  const loseAnswer = async (route) => {
    if (!isPost(route)) return route.continue();
    await route.fetch();
    await route.abort();
  };
  await visit.page.route(everything, loseAnswer);
  await visit.page.getByRole("button", { name: "New key" }).click();
  const dialog = visit.page.getByRole("dialog", { name: "New key", exact: true });
  await dialog.getByLabel("Owner").fill("lost-answers");
  await dialog.getByLabel("Name").fill("only-once");
  await dialog.getByRole("button", { name: "Create key" }).click();
  await says(visit, "#create-dialog [data-problem]", "the change may or may not have been made");
  await visit.page.unroute(everything, loseAnswer);
  await dialog.getByRole("button", { name: "Create key" }).click();
  await says(visit, "#secret-problem", "An earlier attempt created this key");
  await visit.page.getByRole("button", { name: "Done" }).click();
  await visit.row("only-once").waitFor();
  assert.equal(await visit.row("only-once").count(), 1);
}

async function endsTheSession(visit) {
  const stop = await answer(visit, everything, problem(401));
  await visit.page.getByRole("button", { name: "Revoke billing-worker" }).click();
  const dialog = visit.page.getByRole("dialog", { name: "Revoke this key?" });
  await dialog.getByLabel("Reason").fill("a test");
  await dialog.getByRole("button", { name: "Revoke key" }).click();
  await says(visit, "#credential-error", "wrong, expired or revoked");
  assert.equal(await visit.locate("dialog[open]").count(), 0);
  assert.equal((await visit.focused()).id, "credential");
  await stop();
}
