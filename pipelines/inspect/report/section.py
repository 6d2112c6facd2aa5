"""One section of the report page, as the builders fill it."""

from dataclasses import dataclass, field

from gristmill.pipelines.inspect.report.markup import Markup, element
from gristmill.pipelines.inspect.report.plots import Figure


@dataclass
class ReportSection:
    """One section. figures: id of a plot's element -> figure."""

    id: str
    label: str
    title: str
    content: list[Markup] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)

    def say(self, text: str, class_: str | None = None) -> None:
        self.content.append(element("p", text, class_=class_))

    def head(self, text: str) -> None:
        self.content.append(element("h3", text))

    def plot(self, id: str, figure: Figure, described: str) -> Markup:
        """Register a figure; the element to put into the content."""
        self.figures[id] = figure
        height = f"min-height:{int(figure['layout']['height'])}px"
        return element("div", id=id, class_="plot", role="img", aria_label=described, style=height)
