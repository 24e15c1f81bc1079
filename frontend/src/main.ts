/** What every page needs. Pages with more to do have an entry of their own. */
import "htmx.org";
import "./styles/main.css";

import { watchCopyButtons } from "./shell/copy.ts";
import { watchDialogs } from "./shell/dialogs.ts";
import { watchEscape } from "./shell/escape.ts";
import { sendCsrfTokens } from "./shell/csrf.ts";
import { watchThemeSwitch } from "./shell/theme.ts";
import { fillTimeZone, keepTimesCurrent } from "./shell/times.ts";
import { decorateCodeBlocks } from "./markdown/code-blocks.ts";

sendCsrfTokens();
watchThemeSwitch();
watchDialogs();
watchEscape();
watchCopyButtons();
keepTimesCurrent();
fillTimeZone();
decorateCodeBlocks(document);
