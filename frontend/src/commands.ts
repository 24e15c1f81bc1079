/** The entry of the pages of the command library: finding a command, running one, and writing one. */
import { watchApprovals } from "./approvals/decide.ts";
import { watchPassages } from "./chat/citations.ts";
import { watchBrowsing } from "./commands/browse.ts";
import { Editor } from "./commands/editor.ts";
import { CommandPage } from "./commands/page.ts";
import { watchStars } from "./commands/stars.ts";

watchStars();

const search = document.querySelector<HTMLFormElement>("form[data-browse]");
if (search) watchBrowsing(search);

const command = document.querySelector<HTMLElement>("[data-command]");
const panel = document.querySelector<HTMLDialogElement>("dialog#passage-panel");
// Before the page listens: Escape in a card leaves the card, and stops no answer.
if (command) watchApprovals();
if (command && panel) watchPassages(command, panel);
if (command) new CommandPage(command).begin();

const editor = document.querySelector<HTMLFormElement>("form[data-command-editor]");
if (editor) new Editor(editor).begin();
