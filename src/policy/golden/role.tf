# Lets Tributary use the Kinesis stream clicks in eu-west-1 through a role.

resource "aws_iam_role" "tributary" {
  name = "tributary-clicks"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          AWS = "arn:aws:iam::210987654321:user/ada"
        }
        Action = "sts:AssumeRole"
        Condition = {
          StringEquals = {
            "sts:ExternalId" = "x-1"
          }
        }
      },
    ]
  })
}

resource "aws_iam_policy" "tributary" {
  name = "tributary-clicks"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["kinesis:PutRecord"]
        Resource = ["arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"]
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "tributary" {
  role       = aws_iam_role.tributary.name
  policy_arn = aws_iam_policy.tributary.arn
}
