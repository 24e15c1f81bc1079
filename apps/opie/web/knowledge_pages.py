"""/agentos/knowledge/: bases, their documents and sources, trying a search, and the passages that answers cite."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.permissions import Permission, Reach
from apps.api.errors import Conflict, InvalidInput, NotAllowed, OpieError
from apps.opie.agentos.knowledge_api import with_figures
from apps.opie.engine.loop import run_and_wait
from apps.opie.knowledge import bases, documents, passages, reembedding, sources
from apps.opie.knowledge.documents import About
from apps.opie.knowledge.search import Hit, search
from apps.opie.models import KnowledgeBase, KnowledgeDocument, KnowledgeSource
from apps.opie.models.knowledge import DocumentStatus, IndexState
from apps.opie.providers.embedding import embedders_for
from apps.opie.scope import RunScope, current_scope
from apps.opie.web.knowledge_forms import BaseForm, DocumentForm, EmbeddingForm, SourceForm, TextForm
from apps.opie.web.views import Page, PieceOfPage, page_number

PAGE_SIZE = 50
LONGEST_QUERY = 2000
MOST_FILES = 50


class KnowledgeView(Page):
    """GET /agentos/knowledge/?q="""

    template_name = "agentos/knowledge.html"
    area = "knowledge"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        words = self.request.GET.get("q", "").strip()[:200]
        found = with_figures(KnowledgeBase.objects.visible_to(self.principal).containing(words)).order_by("name", "pk")
        return super().get_context_data(
            bases=found[:500],
            search=words,
            may_create=self.principal.reach(Permission.MANAGE_KNOWLEDGE) is not Reach.NO,
            **kwargs,
        )


class NewBaseView(Page):
    """/agentos/knowledge/new/"""

    template_name = "agentos/knowledge_form.html"
    area = "knowledge"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        self._require()
        language = "arabic" if request.LANGUAGE_CODE.startswith("ar") else "english"
        return self._show(BaseForm(self.principal, initial={"visibility": "team", "language": language}))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        self._require()
        form = BaseForm(self.principal, request.POST)
        if form.is_valid():
            try:
                base = bases.create_base(self.principal, form.cleaned_data)
            except OpieError as error:
                add_refusals(form, error)
            else:
                return redirect("pages:base", base.pk)
        return self._show(form, status=422)

    def _require(self) -> None:
        if self.principal.reach(Permission.MANAGE_KNOWLEDGE) is Reach.NO:
            raise NotAllowed

    def _show(self, form: BaseForm, status: int = 200) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=status)


class BasePage(Page):
    """A page about one base, with its tabs."""

    area = "knowledge"
    tab = ""

    def base(self) -> KnowledgeBase:
        return bases.visible_base(self.principal, self.kwargs["base_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        base = kwargs.pop("base", None) or self.base()
        may_manage = bases.may_manage(self.principal, base)
        return super().get_context_data(base=base, may_manage=may_manage, tab=self.tab, **kwargs)


class BaseView(BasePage):
    """GET /agentos/knowledge/<id>/?q=&state=&page=: the documents; POST hands some in."""

    template_name = "agentos/base.html"
    tab = "documents"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        base = self.base()
        return super().get_context_data(
            base=base, **documents_of(base, self.request), text_form=kwargs.pop("text_form", TextForm()), **kwargs
        )

    def post(self, request: HttpRequest, base_id: UUID) -> HttpResponse:
        base = bases.managed_base(self.principal, base_id)
        try:
            count = self._hand_in(request, base)
        except OpieError as error:
            messages.error(request, _first_text(error))
        else:
            text = ngettext("%(n)s document is being read.", "%(n)s documents are being read.", count)
            messages.success(request, text % {"n": count})
        return redirect("pages:base", base_id)

    def _hand_in(self, request: HttpRequest, base: KnowledgeBase) -> int:
        files = request.FILES.getlist("files")
        if len(files) > MOST_FILES:
            raise InvalidInput(_("At most %(most)s files at once.") % {"most": MOST_FILES})
        for file in files:
            documents.add_file(self.principal, base, file, About())
        if files:
            return len(files)
        form = TextForm(request.POST)
        if not form.is_valid():
            raise InvalidInput(_("Choose a file, or write a text."))
        documents.add_text(self.principal, base, form.cleaned_data["text"], About(form.cleaned_data["title"]))
        return 1


def documents_of(base: KnowledgeBase, request: HttpRequest) -> dict[str, Any]:
    """A page of a base's documents as the filters have it, and how many are not ready yet."""
    words, state = request.GET.get("q", "").strip()[:200], request.GET.get("state", "")
    found = KnowledgeDocument.objects.filter(base=base)
    unready = found.filter(status__in=[DocumentStatus.PENDING, DocumentStatus.PROCESSING]).count()
    if words:
        found = found.filter(title__icontains=words)
    if state in DocumentStatus.values:
        found = found.filter(status=state)
    page = Paginator(found.order_by("-pk"), PAGE_SIZE).get_page(page_number(request.GET.get("page", "")))
    return {"documents": page, "search": words, "state": state, "states": DocumentStatus.choices, "unready": unready}


class DocumentsPiece(PieceOfPage):
    """GET /agentos/knowledge/<id>/documents/: the list again, while documents are being read."""

    def get(self, request: HttpRequest, base_id: UUID) -> HttpResponse:
        base = bases.visible_base(self.principal, base_id)
        shown = {"base": base, "may_manage": bases.may_manage(self.principal, base), **documents_of(base, request)}
        return render(request, "agentos/parts/documents.html", shown)


class BaseSearchPage(BasePage):
    """GET /agentos/knowledge/<id>/search/?q=&mode=: what a search finds, and how it ranks."""

    template_name = "agentos/base_search.html"
    tab = "search"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        base = self.base()
        query = self.request.GET.get("q", "").strip()[:LONGEST_QUERY]
        mode = self.request.GET.get("mode", "hybrid")
        mode = mode if mode in ("hybrid", "vector", "text") else "hybrid"
        hits, problem = self._hits(base, query, mode) if query else ([], "")
        return super().get_context_data(
            base=base,
            query=query,
            mode=mode,
            modes=[("hybrid", _("Meaning and words")), ("vector", _("Meaning")), ("text", _("Words"))],
            hits=hits,
            problem=problem,
            **kwargs,
        )

    def _hits(self, base: KnowledgeBase, query: str, mode: Any) -> tuple[list[Hit], str]:
        principal = self.principal

        async def ask() -> list[Hit]:
            current_scope.set(RunScope(principal, purpose="embedding"))
            return await search(principal, query, base_ids=[base.pk], limit=10, mode=mode)

        try:
            return run_and_wait(ask()), ""
        except OpieError as error:
            return [], error.message


class SourcesPage(BasePage):
    """/agentos/knowledge/<id>/sources/: the pages and sites that a base follows; POST follows another."""

    template_name = "agentos/base_sources.html"
    tab = "sources"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        base = self.base()
        return super().get_context_data(base=base, sources=base.sources.all(), **({"form": SourceForm()} | kwargs))

    def post(self, request: HttpRequest, base_id: UUID) -> HttpResponse:
        base = bases.managed_base(self.principal, base_id)
        form = SourceForm(request.POST)
        if form.is_valid():
            try:
                sources.add_source(self.principal, base, form.cleaned_data)
            except Conflict as error:
                form.add_error("url", error.message)
            else:
                return redirect("pages:base-sources", base_id)
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SourceActionView(PieceOfPage):
    """POST /agentos/knowledge/<id>/sources/<source>/: look at it now, or follow it no longer."""

    def post(self, request: HttpRequest, base_id: UUID, source_id: UUID) -> HttpResponse:
        base = bases.managed_base(self.principal, base_id)
        source = sources.visible_source(base, source_id)
        if request.POST.get("action") == "delete":
            sources.delete_source(self.principal, source)
        else:
            _sync(self, source)
        return redirect("pages:base-sources", base_id)


def _sync(view: PieceOfPage, source: KnowledgeSource) -> None:
    sources.sync_now(view.principal, source)
    messages.success(view.request, _("“%(url)s” is being looked at.") % {"url": source.url})


class BaseSettingsPage(BasePage):
    """/agentos/knowledge/<id>/settings/: name, readers, language; the model that embeds; deleting it."""

    template_name = "agentos/base_settings.html"
    tab = "settings"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        base = bases.managed_base(self.principal, self.kwargs["base_id"])
        building = base.indexes.filter(state=IndexState.BUILDING).first()
        live = base.live_index
        return super().get_context_data(
            base=base,
            building=passages.index_as_json(building) if building else None,
            live=passages.index_as_json(live) if live else None,
            document_count=base.documents.count(),
            agent_count=base.agents.count(),
            embedding_form=EmbeddingForm(embedders_for(self.principal.team_id)),
            **({"form": BaseForm(self.principal, initial=bases.shown(base))} | kwargs),
        )

    def post(self, request: HttpRequest, base_id: UUID) -> HttpResponse:
        base = bases.managed_base(self.principal, base_id)
        actions: dict[str, Callable[[HttpRequest, KnowledgeBase], HttpResponse]] = {
            "delete": self._delete,
            "embed": self._embed,
            "stop": self._stop,
        }
        return actions.get(request.POST.get("action", ""), self._save)(request, base)

    def _save(self, request: HttpRequest, base: KnowledgeBase) -> HttpResponse:
        form = BaseForm(self.principal, request.POST)
        if form.is_valid():
            try:
                bases.change_base(self.principal, base, form.cleaned_data)
            except OpieError as error:
                add_refusals(form, error)
            else:
                messages.success(request, _("“%(name)s” was saved.") % {"name": form.cleaned_data["name"]})
                return redirect("pages:base-settings", base.pk)
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _embed(self, request: HttpRequest, base: KnowledgeBase) -> HttpResponse:
        form = EmbeddingForm(embedders_for(self.principal.team_id), request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(embedding_form=form), status=422)
        try:
            reembedding.start(self.principal, base, form.chosen)
        except Conflict as error:
            messages.error(request, error.message)
        return redirect("pages:base-settings", base.pk)

    def _stop(self, request: HttpRequest, base: KnowledgeBase) -> HttpResponse:  # noqa: ARG002 - one shape
        reembedding.stop(self.principal, base)
        return redirect("pages:base-settings", base.pk)

    def _delete(self, request: HttpRequest, base: KnowledgeBase) -> HttpResponse:
        bases.delete_base(self.principal, base)
        messages.success(request, _("“%(name)s” was deleted.") % {"name": base.name})
        return redirect("pages:knowledge")


class DocumentPage(BasePage):
    """/agentos/knowledge/<id>/documents/<document>/: its passages; POST changes, reads again or deletes it."""

    template_name = "agentos/document.html"
    tab = "documents"

    def document(self) -> KnowledgeDocument:
        return documents.visible_document(self.principal, self.kwargs["base_id"], self.kwargs["document_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        document = self.document()
        page = Paginator(passages.chunks_of(document), PAGE_SIZE).get_page(
            page_number(self.request.GET.get("page", ""))
        )
        initial = {"title": document.title, "tags": ", ".join(document.tags), "dated": document.dated}
        return super().get_context_data(
            base=document.base, document=document, chunks=page, **({"form": DocumentForm(initial=initial)} | kwargs)
        )

    def post(self, request: HttpRequest, base_id: UUID, document_id: UUID) -> HttpResponse:
        document = self.document()
        bases.managed_base(self.principal, base_id)
        action = request.POST.get("action", "")
        if action == "delete":
            documents.delete_document(self.principal, document)
            messages.success(request, _("“%(title)s” was deleted.") % {"title": document.title})
            return redirect("pages:base", base_id)
        if action == "read":
            documents.read_again(self.principal, document)
            return redirect("pages:base", base_id)
        form = DocumentForm(request.POST)
        if form.is_valid():
            documents.change_document(self.principal, document, form.cleaned_data)
            return redirect("pages:document", base_id, document_id)
        return self.render_to_response(self.get_context_data(form=form), status=422)


class PassagePage(Page):
    """GET /agentos/knowledge/passages/<id>/: what a citation leads to; with ?piece=1 as the panel beside a chat."""

    template_name = "agentos/passage.html"
    area = "knowledge"

    def get_template_names(self) -> list[str]:
        return ["agentos/parts/passage.html"] if self.request.GET.get("piece") else [self.template_name]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(passage=passages.passage(self.principal, self.kwargs["chunk_id"]), **kwargs)


def add_refusals(form: BaseForm, error: OpieError) -> None:
    """Put what a use case refused beside the fields that it names, or at the top."""
    for name, texts in (error.fields or {"": [error.message]}).items():
        form.add_error(name if name in form.fields else None, texts)


def _first_text(error: OpieError) -> str:
    return next((text for texts in error.fields.values() for text in texts), error.message)
