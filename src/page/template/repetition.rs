//! A check that a template does not multiply a list that is written in it, such as `[0] * 1000000000`.
//!
//! The engine would make that list while it parses the template, where it has no limits.

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::TemplateError;

/// Checks a template that is not parsed yet, and may be malformed.
pub(super) fn check(source: &str) -> Result<(), TemplateError> {
    let mut expression = Expression::default();
    // What cannot be read is the parser's to report.
    for (token, span) in tokenize(source, false, SyntaxConfig::default()).map_while(Result::ok) {
        if let Some(operator) = expression.multiplied_list(&token, span) {
            return Err(TemplateError::repeated_list(source, operator));
        }
    }
    Ok(())
}

/// What is known of an expression after each of its tokens.
#[derive(Default)]
struct Expression {
    brackets: Vec<Bracket>,
    previous: Previous,
}

struct Bracket {
    /// True if it begins a list or groups an expression, false if it follows a value, as in `a[0]` and `f(x)`.
    is_operand: bool,
    has_list: bool,
    /// The operator before it.
    multiplication: Option<Span>,
}

#[derive(Default, Clone, Copy)]
enum Previous {
    /// A value. It may be a list that is written in the template.
    Value { is_list: bool },
    /// A `*` between two values.
    Multiplication(Span),
    #[default]
    Other,
}

impl Expression {
    /// Reads a token, and returns the place of the operator if a list is multiplied.
    fn multiplied_list(&mut self, token: &Token, span: Span) -> Option<Span> {
        let mut multiplied = None;
        self.previous = match token {
            Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => {
                let is_operand = !matches!(self.previous, Previous::Value { .. });
                let has_list = is_operand && matches!(token, Token::BracketOpen);
                let multiplication = match self.previous {
                    Previous::Multiplication(operator) => Some(operator),
                    _ => None,
                };
                self.brackets.push(Bracket { is_operand, has_list, multiplication });
                Previous::Other
            }
            Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                let closed = self.brackets.pop();
                let is_list = closed.as_ref().is_some_and(|closed| closed.is_operand && closed.has_list);
                if let Some(around) = self.brackets.last_mut() {
                    around.has_list |= is_list;
                }
                multiplied = closed.filter(|_| is_list).and_then(|closed| closed.multiplication);
                Previous::Value { is_list }
            }
            Token::Mul => match self.previous {
                Previous::Value { is_list } => {
                    multiplied = is_list.then_some(span);
                    Previous::Multiplication(span)
                }
                _ => Previous::Other,
            },
            Token::Ident("and" | "or" | "not" | "in" | "is" | "if" | "else") => Previous::Other,
            Token::Ident(_)
            | Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_) => Previous::Value { is_list: false },
            _ => Previous::Other,
        };
        multiplied
    }
}

#[cfg(test)]
mod tests {
    use super::super::Template;

    #[test]
    fn a_list_in_the_template_is_not_multiplied() {
        for expression in [
            "[0] * 3",
            "3 * [0]",
            "3 * ([0])",
            "(([0] + [1])) * 3",
            "-1 + 2 * [0] * 3",
            "3 * (0 or [0])",
            "{\"a\": [0]*3}",
            "words[[0] * 3]",
            "[0] * 99999999 == [0] * 99999999",
            "([0] * 99999999) ~ \"\"",
        ] {
            let error = Template::parse(&format!("a\n{{{{ {expression} }}}}")).expect_err(expression);
            assert_eq!(error.message, "a list cannot be multiplied", "{expression}");
            assert_eq!((error.line, error.span.map(|span| span.len())), (Some(2), Some(1)), "{expression}");
        }
    }

    #[test]
    fn numbers_texts_and_arguments_are() {
        for expression in [
            "[2, 3][0] * 4",
            "[2, 3]|sum * 4",
            "dict(*[]) or \"-\" * 3",
            "(status + 1) * (status + 2)",
            "2 ** 3 * words|length",
        ] {
            let result = Template::parse(&format!("{{{{ {expression} }}}} [0] * 3 {{# [0] * 3 #}}"));
            result.unwrap_or_else(|error| panic!("{expression}: {error}"));
        }
    }
}
