"use strict";

// The policy of the page forbids scripts in the HTML, so Swagger UI starts here. It must ask no other server, as its
// validator would.
SwaggerUIBundle({
  domNode: document.getElementById("swagger-ui"),
  url: document.getElementById("swagger-ui").dataset.contract,
  deepLinking: true,
  validatorUrl: null,
});
