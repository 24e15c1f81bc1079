"""The rows of Opie and their own behaviour. QuerySets hold the queries."""

from apps.opie.models.agents import Agent, AgentMember, AgentModel, AgentVersion
from apps.opie.models.approvals import AgentOSApproval
from apps.opie.models.budgets import Budget, BudgetPeriod, BudgetReservation
from apps.opie.models.chunks import CHUNKS, Chunk, IndexLexeme, StagedChunk
from apps.opie.models.commands import CommandExecution, CommandFavourite, CommandTemplate, CommandVersion
from apps.opie.models.dispatches import DispatchDecision
from apps.opie.models.example_vectors import ExampleVector
from apps.opie.models.knowledge import (
    AgentKnowledge,
    KnowledgeBase,
    KnowledgeDocument,
    KnowledgeIndex,
    KnowledgeSource,
)
from apps.opie.models.limits import Limit, LimitCount
from apps.opie.models.llm_models import LLMModel, LLMModelCheck
from apps.opie.models.memories import AgentOSMemory
from apps.opie.models.messages import AgentOSMessage
from apps.opie.models.platform_health import PlatformHealth
from apps.opie.models.platform_listings import PlatformListing
from apps.opie.models.platforms import AIPlatform
from apps.opie.models.prices import ModelPrice, UsageCorrection, UsageRollUp
from apps.opie.models.profiles import MemoryProfile
from apps.opie.models.reactions import MessageReaction
from apps.opie.models.records import AgentOSError, AgentOSPerformance
from apps.opie.models.runs import AgentOSRun, RunEventBatch
from apps.opie.models.schedules import AgentOSSchedule
from apps.opie.models.sessions import AgentOSSession
from apps.opie.models.summaries import AgentOSSummary
from apps.opie.models.system_metrics import SystemMetrics
from apps.opie.models.tallies import AgentTally
from apps.opie.models.tiers import ModelTier
from apps.opie.models.usage import AgentOSUsage
from apps.opie.models.verifications import SessionVerification
from apps.opie.models.webhooks import Webhook, WebhookEvent
from apps.opie.models.widgets import SupportWidget, WidgetVisitor

__all__ = [
    "CHUNKS",
    "AIPlatform",
    "Agent",
    "AgentKnowledge",
    "AgentMember",
    "AgentModel",
    "AgentOSApproval",
    "AgentOSError",
    "AgentOSMemory",
    "AgentOSMessage",
    "AgentOSPerformance",
    "AgentOSRun",
    "AgentOSSchedule",
    "AgentOSSession",
    "AgentOSSummary",
    "AgentOSUsage",
    "AgentTally",
    "AgentVersion",
    "Budget",
    "BudgetPeriod",
    "BudgetReservation",
    "Chunk",
    "CommandExecution",
    "CommandFavourite",
    "CommandTemplate",
    "CommandVersion",
    "DispatchDecision",
    "ExampleVector",
    "IndexLexeme",
    "KnowledgeBase",
    "KnowledgeDocument",
    "KnowledgeIndex",
    "KnowledgeSource",
    "LLMModel",
    "LLMModelCheck",
    "Limit",
    "LimitCount",
    "MemoryProfile",
    "MessageReaction",
    "ModelPrice",
    "ModelTier",
    "PlatformHealth",
    "PlatformListing",
    "RunEventBatch",
    "SessionVerification",
    "StagedChunk",
    "SupportWidget",
    "SystemMetrics",
    "UsageCorrection",
    "UsageRollUp",
    "Webhook",
    "WebhookEvent",
    "WidgetVisitor",
]
