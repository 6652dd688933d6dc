"use strict";
// A file of its own, because the page's policy lets no inline script run.
const reference = document.getElementById("reference");
SwaggerUIBundle({
  url: reference.dataset.description,
  domNode: reference,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
