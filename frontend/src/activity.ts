/** The entry of the pages about what goes on and what waits: approvals are decided there as in a chat. */
import { watchApprovals } from "./approvals/decide.ts";

watchApprovals();
