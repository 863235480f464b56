// Flet's own page falls silent when its server does, and in the end says "Working..." for ever. This says what is the
// matter, in the app's words (`app/web.py` fills them in), and takes it back as soon as the server answers again.
(() => {
  "use strict";
  const WORDS = {};
  const EVERY_MS = 5000;
  const SOON_MS = 1500;
  const PATIENCE_MS = 3000;
  const TIMES = 2; // one lost answer is nothing
  const spoken = (navigator.languages || [navigator.language || "en"]).map((one) => one.slice(0, 2));
  const words = WORDS[spoken.find((one) => one in WORDS) || "en"];
  let failures = 0;
  let told = null;

  async function answers() {
    const patience = new AbortController();
    const late = setTimeout(() => patience.abort(), PATIENCE_MS);
    try {
      const answer = await fetch("api/health", { cache: "no-store", signal: patience.signal });
      // What is not ours is a proxy's, which answers for a server that is gone.
      return answer.ok || (answer.headers.get("content-type") || "").includes("json");
    } catch {
      return false;
    } finally {
      clearTimeout(late);
    }
  }

  function tell() {
    told = document.createElement("div");
    told.id = "out-of-reach";
    told.setAttribute("role", "alert");
    told.style.cssText =
      "position:fixed;z-index:2147483647;left:16px;right:16px;top:60px;margin:0 auto;max-width:480px;padding:16px 20px;" +
      "border-radius:16px;background:#12302A;color:#fff;font:15px/1.45 system-ui,sans-serif;pointer-events:none;" +
      "box-shadow:0 6px 24px rgba(0,0,0,.3)";
    const [what, then] = words.map((text) => Object.assign(document.createElement("div"), { textContent: text }));
    what.style.fontWeight = "600";
    told.append(what, then);
    document.body.append(told);
  }

  async function look() {
    if (document.visibilityState === "visible") {
      failures = (await answers()) ? 0 : failures + 1;
      if (failures >= TIMES && told === null) tell();
      if (failures === 0 && told !== null) {
        told.remove();
        told = null;
      }
    }
    setTimeout(look, failures ? SOON_MS : EVERY_MS);
  }

  setTimeout(look, EVERY_MS);
})();
