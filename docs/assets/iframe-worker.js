/* A page that was opened from the disk may not start a worker, and the search is one. Here its script runs in a hidden
   frame instead. Ours, in place of the shim that the theme would fetch from a CDN; the name IFrameWorker is what the
   theme's search looks for. */
(function () {
  "use strict";
  if (location.protocol !== "file:") return;

  class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      this.early = []; // what was said before the script was there
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      document.body.append(frame);
      this.inside = frame.contentWindow;
      const page = this.inside.document;
      page.open();
      page.write("<!doctype html><title>search</title><body></body>");
      page.close();
      this.inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.inside.importScripts = (...urls) =>
        urls.reduce((before, next) => before.then(() => load(page, next)), Promise.resolve());
      load(page, url).then(() => {
        for (const data of this.early) this.tell(data);
        this.early = null;
      }, (error) => this.dispatchEvent(new ErrorEvent("error", { message: error.message })));
    }

    postMessage(data) {
      if (this.early) this.early.push(data);
      else this.tell(data);
    }

    tell(data) {
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }));
    }
  }

  function load(page, url) {
    return new Promise((resolve, reject) => {
      const script = page.createElement("script");
      script.src = url;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`cannot load ${url}`));
      page.body.append(script);
    });
  }

  window.IFrameWorker = IFrameWorker;
  window.Worker = IFrameWorker;
})();
