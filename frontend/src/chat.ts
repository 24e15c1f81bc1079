/** The entry of the chat page, and of the home page, which leads into one. */
import { watchApprovals } from "./approvals/decide.ts";
import { callApi, ChatApi } from "./chat/api.ts";
import { linkAllMarks, watchPassages } from "./chat/citations.ts";
import { ChatCommands } from "./chat/commands.ts";
import { Conversation } from "./chat/conversation.ts";
import { Handover } from "./chat/handover.ts";
import { Phrases } from "./chat/phrases.ts";
import { takeQuestion, watchQuickStart } from "./chat/quick-start.ts";
import { watchReactions } from "./chat/reactions.ts";

watchQuickStart();

const root = document.querySelector<HTMLElement>("[data-chat]");
// Before the conversation listens: Escape in a card leaves the card, and stops no answer.
if (root) watchApprovals();
const panel = document.querySelector<HTMLDialogElement>("dialog#passage-panel");
if (root && panel) watchPassages(root, panel);
if (root) linkAllMarks(root);
if (root) {
  const conversation = new Conversation(root);
  new ChatCommands(root, conversation);
  const phrases = new Phrases();
  watchReactions(root, {
    keep: (message, init) => callApi(`/api/v1/messages/${message}/react/`, init),
    announce: (done) => phrases.announce(done),
    explain: (error) => conversation.explain(error),
  });
  new Handover(root, new ChatApi(root.dataset.apiUrl ?? ""), conversation, phrases).begin();
  conversation.begin(takeQuestion());
}
