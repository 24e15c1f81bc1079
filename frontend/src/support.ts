/** The entry of the page of one conversation with a customer, for the team. */
import { StaffView } from "./widget/staff.ts";

const root = document.querySelector<HTMLElement>("[data-support]");
if (root) new StaffView(root).begin();
