// The journal that was chosen last is chosen at first.
const field = document.querySelector("#journal");
field?.addEventListener("change", () => sessionStorage.setItem("journal", field.value));
const last = sessionStorage.getItem("journal");
if (field && [...field.options].some((each) => each.value === last)) field.value = last;
