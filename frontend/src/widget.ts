/** The entry of a widget's frame. */
import "./styles/main.css";

import { WidgetFrame } from "./widget/frame.ts";

const root = document.querySelector<HTMLElement>("[data-widget]");
if (root) new WidgetFrame(root).begin();
