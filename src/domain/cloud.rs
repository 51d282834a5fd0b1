//! Clouds that serve the models of many makers: which interface a model has there, by its name.
//! References: Vertex AI, "Google models", "Claude models", "Call open models with the chat completions API"; Amazon Bedrock,
//! "Inference request parameters and response fields for foundation models", "Supported Regions and models for inference
//! profiles".

/// Written before a name at Bedrock that does not tell whose model it is, such as the ARN of an application's inference
/// profile: it is one of Anthropic's.
const CLAUDE: &str = "anthropic/";

/// The makers at Bedrock whose models have interfaces of their own.
const OTHERS: [&str; 8] = [
    "ai21",
    "amazon",
    "cohere",
    "luma",
    "meta",
    "stability",
    "twelvelabs",
    "writer",
];

/// Older models at Bedrock of makers whose newer ones take a chat: these take a prompt.
const PROMPTED: [&str; 5] = [
    "deepseek.r1",
    "mistral.mistral-7b",
    "mistral.mistral-large-2402",
    "mistral.mistral-small-2402",
    "mistral.mixtral",
];

/// The interface of a model in a cloud.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloudModel<'a> {
    /// Anthropic's messages, under this name.
    Claude(&'a str),
    /// Google's, under this name.
    Gemini(&'a str),
    /// OpenAI's chat, under this name.
    Chat(&'a str),
}

impl<'a> CloudModel<'a> {
    /// The interface of a model at Vertex AI. Google's and Anthropic's stand there under their bare names, with their maker before
    /// them or not; those of all other makers as `maker/name`.
    pub fn at_vertex(model: &'a str) -> Self {
        match model.split_once('/') {
            Some(("anthropic", name)) => Self::Claude(name),
            Some(("google", name)) => Self::Gemini(name),
            Some(_) => Self::Chat(model),
            None if model.starts_with("claude") => Self::Claude(model),
            None => Self::Gemini(model),
        }
    }

    /// The interface of a model at Bedrock, by its id, the id of an inference profile (`us.`, `global.`), or an ARN; `None`: it has
    /// one that is not spoken here.
    pub fn at_bedrock(model: &'a str) -> Option<Self> {
        if let Some(name) = model.strip_prefix(CLAUDE) {
            return Some(Self::Claude(name));
        }
        let id = model.rsplit('/').next().unwrap_or(model);
        let mut makers = id.split('.').take(2);
        if makers.clone().any(|maker| maker == "anthropic") {
            return Some(Self::Claude(model));
        }
        let prompted = PROMPTED.iter().any(|prompted| id.contains(prompted));
        let other = makers.any(|maker| OTHERS.contains(&maker));
        (!prompted && !other).then_some(Self::Chat(model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_at_vertex_tells_its_interface() {
        for (model, wanted) in [
            ("gemini-2.5-pro", CloudModel::Gemini("gemini-2.5-pro")),
            (
                "google/gemini-2.5-pro",
                CloudModel::Gemini("gemini-2.5-pro"),
            ),
            (
                "claude-sonnet-4-5@20250929",
                CloudModel::Claude("claude-sonnet-4-5@20250929"),
            ),
            (
                "anthropic/claude-opus-4",
                CloudModel::Claude("claude-opus-4"),
            ),
            (
                "meta/llama-3.3-70b-instruct-maas",
                CloudModel::Chat("meta/llama-3.3-70b-instruct-maas"),
            ),
        ] {
            assert_eq!(CloudModel::at_vertex(model), wanted);
        }
    }

    #[test]
    fn a_name_at_bedrock_tells_its_interface() {
        for claude in [
            "anthropic.claude-sonnet-4-20250514-v1:0",
            "us.anthropic.claude-sonnet-4-20250514-v1:0",
            "global.anthropic.claude-opus-4-5-20251101-v1:0",
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-20250514-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
        ] {
            assert_eq!(
                CloudModel::at_bedrock(claude),
                Some(CloudModel::Claude(claude))
            );
        }
        let profile =
            "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2c3d4";
        assert_eq!(
            CloudModel::at_bedrock(&format!("anthropic/{profile}")),
            Some(CloudModel::Claude(profile))
        );
        for chat in [
            profile,
            "openai.gpt-oss-120b-1:0",
            "us.openai.gpt-oss-20b-1:0",
            "qwen.qwen3-32b-v1:0",
            "deepseek.v3-v1:0",
            "mistral.mistral-large-2407-v1:0",
        ] {
            assert_eq!(CloudModel::at_bedrock(chat), Some(CloudModel::Chat(chat)));
        }
        for other in [
            "amazon.nova-pro-v1:0",
            "eu.amazon.nova-lite-v1:0",
            "us.meta.llama4-scout-17b-instruct-v1:0",
            "cohere.embed-english-v3",
            "us.deepseek.r1-v1:0",
            "mistral.mixtral-8x7b-instruct-v0:1",
        ] {
            assert_eq!(CloudModel::at_bedrock(other), None, "{other}");
        }
    }
}
