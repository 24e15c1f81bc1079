/** The entry of the chat page, and of the home page, which leads into one. */
import { Conversation } from "./chat/conversation.ts";
import { takeQuestion, watchQuickStart } from "./chat/quick-start.ts";

watchQuickStart();

const root = document.querySelector<HTMLElement>("[data-chat]");
if (root) new Conversation(root).begin(takeQuestion());
