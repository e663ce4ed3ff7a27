//! Turns a request of the series into the meta-variables that a server would set; or takes them from a
//! recorded request.

use std::path::PathBuf;

use anyhow::Result;

use checking::answer::Question;
use checking::series::Answers;
use checking::{Asked, Finding, Rule, Series, Variant};
use doors::one_shot;
use doors::one_shot::server::Server;
use doors::one_shot::url::Url;
use exchange::MetaVariables;

/// A request that is ready to be made.
#[derive(Clone, Debug)]
pub struct Planned {
    /// As findings name it.
    pub line: String,
    /// The parts of the request that its answer depends on.
    pub question: Question,
    /// All variables.
    pub meta: MetaVariables,
    /// The content.
    pub content: Vec<u8>,
    /// Which of the optional variables it has.
    pub variant: Variant,
    /// The rule that is broken if this request fails, but the same request with the full environ does not.
    pub needs: Option<&'static Rule>,
}

/// All that is asked of an application.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The generated requests.
    pub series: Series,
    /// Requests that were recorded.
    pub recorded: Vec<Planned>,
    /// The environment added to each request.
    pub environment: MetaVariables,
    /// SCRIPT_NAME, where one was named.
    pub mount: Option<Vec<u8>>,
    /// The script, as a server would name it.
    pub script: PathBuf,
}

impl Plan {
    /// The request after those answers; None if there are no more.
    ///
    /// # Errors
    /// For an invalid URL.
    pub fn next(&self, answers: &Answers) -> Result<Option<Planned>> {
        self.at(answers, answers.len())
    }

    /// The request at that place of the series.
    ///
    /// # Errors
    /// For an invalid URL.
    pub fn at(&self, answers: &Answers, place: usize) -> Result<Option<Planned>> {
        let requests = self.series.requests(answers);
        if let Some(asked) = requests.get(place) {
            let mut planned = self.made_up(asked)?;
            planned.needs = self.series.rule_of_failure(asked, answers);
            return Ok(Some(planned));
        }
        Ok(self.recorded.get(place - requests.len()).cloned())
    }

    /// Checks all URLs before the first request.
    ///
    /// # Errors
    /// For the first invalid URL.
    pub fn check(&self) -> Result<()> {
        let urls = self.series.urls.iter().map(|url| Asked::new("GET", url));
        let all: Vec<Asked> = urls.chain(self.series.further.iter().cloned()).collect();
        all.iter()
            .try_for_each(|asked| self.made_up(asked).map(drop))
    }

    /// Compares the last of these answers with earlier ones.
    #[must_use]
    pub fn of_pairs(&self, answers: &Answers, request: &str) -> Vec<Finding> {
        let last = answers.last().and_then(Option::as_ref);
        let place = last.map_or("", |answer| &answer.place);
        let seen = self.series.judge(answers, answers.len().saturating_sub(1));
        let seen = seen.into_iter().map(|(rule, message)| Finding {
            rule,
            place: place.to_owned(),
            request: request.to_owned(),
            message,
            times: 1,
        });
        seen.collect()
    }

    fn made_up(&self, asked: &Asked) -> Result<Planned> {
        let mount = self.mount.clone().unwrap_or_default();
        let url = Url::default().join(&asked.url)?.mounted(&mount);
        let bytes = |text: &str| text.as_bytes().to_vec();
        let mut headers: one_shot::Fields = vec![
            (bytes("Host"), url.authority().into_bytes()),
            (bytes("User-Agent"), bytes("wsgi-cgi-check")),
            (bytes("Accept"), bytes("*/*")),
        ];
        headers.extend(
            asked
                .fields
                .iter()
                .map(|(name, value)| (bytes(name), bytes(value))),
        );
        let typed = one_shot::Typed {
            method: asked.method.clone(),
            url,
            mount,
            headers,
            content: None,
            script: self.script.clone(),
        };
        let mut meta = typed.meta(Server::Plain)?;
        meta.add_environment(&self.environment);
        let mut content = Vec::new();
        if let Some((media_type, sent)) = &asked.content {
            meta.set("CONTENT_TYPE", media_type.as_bytes());
            meta.set("CONTENT_LENGTH", sent.len().to_string());
            content.clone_from(sent);
        }
        Ok(Planned::new(asked.line(), meta, content, self.mount.as_deref()).of(asked.variant))
    }
}

impl Planned {
    /// A request with those variables, completed as in every exchange.
    #[must_use]
    pub fn new(
        line: String,
        mut meta: MetaVariables,
        content: Vec<u8>,
        mount: Option<&[u8]>,
    ) -> Self {
        _ = meta.complete(mount);
        let has = |name| meta.get(name).is_some();
        let conditions = [
            "HTTP_IF_MATCH",
            "HTTP_IF_NONE_MATCH",
            "HTTP_IF_MODIFIED_SINCE",
            "HTTP_IF_UNMODIFIED_SINCE",
        ];
        let method = meta.get("REQUEST_METHOD").unwrap_or_default();
        let question = Question {
            method: String::from_utf8_lossy(method).into_owned(),
            has_range: has("HTTP_RANGE"),
            has_condition: conditions.into_iter().any(has),
        };
        Self {
            line,
            question,
            meta,
            content,
            variant: Variant::Full,
            needs: None,
        }
    }

    fn of(self, variant: Variant) -> Self {
        Self { variant, ..self }
    }

    /// The path of the request, without its query.
    #[must_use]
    pub fn path(&self) -> Vec<u8> {
        let part = |name| self.meta.get(name).unwrap_or_default();
        [part("SCRIPT_NAME"), part("PATH_INFO")].concat()
    }

    /// Whether it is safe to make it three times, to be compared.
    #[must_use]
    pub fn can_be_compared(&self) -> bool {
        let is_safe = matches!(self.question.method.as_str(), "GET" | "HEAD");
        is_safe && self.variant == Variant::Full && self.content.is_empty()
    }
}
