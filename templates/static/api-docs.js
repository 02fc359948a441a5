// Shows the schema of this origin. Nothing is sent anywhere: "try it" is off, because a token does not belong into a page.
const place = document.getElementById("calls");
window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  supportedSubmitMethods: [],
  validatorUrl: null,
  docExpansion: "list",
});
