// Opens the description of the API in the page.
window.addEventListener("load", () => {
  window.SwaggerUIBundle({
    url: "/api/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    tryItOutEnabled: false,
    validatorUrl: null,
    syntaxHighlight: false,
  });
});
